"""The class names of ImageNet and its larger relatives, as timm ships them."""

from __future__ import annotations

#: Part of a timm tag to the name of the data and timm's name of its list of classes, the largest data first.
DATA_IN_TAGS = {
    "in22k": ("ImageNet-22k", "imagenet-22k"),
    "in21k": ("ImageNet-21k", "imagenet-21k-goog"),
    "in12k": ("ImageNet-12k", "imagenet-12k"),
    "in1k": ("ImageNet-1k", "imagenet-1k"),
}


def imagenet_classes(subset: str = "imagenet-1k") -> tuple[str, ...]:
    """WordNet lemmas of every class in the order of the labels, lower case: ``"tench, tinca tinca"``.

    Args:
        subset: timm's name of the set of classes.
    """
    from timm.data import ImageNetInfo

    return tuple(description.lower() for description in ImageNetInfo(subset).label_descriptions())
