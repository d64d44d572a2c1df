"""Class names of ImageNet."""

import pytest

from headstart.backbones.imagenet import DATA_IN_TAGS, imagenet_classes


def test_the_names_stand_in_the_order_of_the_labels() -> None:
    names = imagenet_classes()
    assert len(names) == 1000
    assert (names[0], names[309]) == ("tench, tinca tinca", "bee")
    assert all(name == name.lower() for name in names)


@pytest.mark.parametrize("subset", [subset for _, subset in DATA_IN_TAGS.values()])
def test_every_set_of_classes_is_known_to_timm(subset: str) -> None:
    assert len(imagenet_classes(subset)) >= 1000
