"""What weights were pretrained on, and under which terms those data are: a sentence each, with its source.

The terms of the data are not the licence of the weights; whether the first bind whoever uses the second is not settled
anywhere. They are shown so that nobody is surprised.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PretrainingData:
    """Data that weights are trained on.

    Attributes:
        name: As cards write it.
        terms: Who may have the data, and for what, in a sentence.
        source: Where the terms, or the data's own description, are found.
        tags: The words of timm's tags that mean it.
    """

    name: str
    terms: str
    source: str
    tags: tuple[str, ...] = ()


_IMAGENET = "https://image-net.org/download.php"
_NOT_RELEASED = "never released: nobody outside can see what is in it or under which terms it was gathered"

#: Data that weights in reach of headstart were trained on.
CORPORA = (
    PretrainingData(
        "ImageNet-1k",
        "its owners grant access for non-commercial research and education only, and hold no rights in the photos",
        _IMAGENET,
        ("in1k", "mae", "fcmae", "dino"),
    ),
    PretrainingData(
        "ImageNet-12k",
        "a selection of ImageNet-22k, under the same terms: non-commercial research and education only",
        _IMAGENET,
        ("in12k",),
    ),
    PretrainingData(
        "ImageNet-21k", "its owners grant access for non-commercial research and education only", _IMAGENET, ("in21k",)
    ),
    PretrainingData(
        "ImageNet-22k", "its owners grant access for non-commercial research and education only", _IMAGENET, ("in22k",)
    ),
    PretrainingData("JFT-300M", f"Google's own photos and labels, {_NOT_RELEASED}", "arXiv:1707.02968", ("jft",)),
    PretrainingData("WebLI", f"Google's own images from the web, {_NOT_RELEASED}", "arXiv:2209.06794", ("webli",)),
    PretrainingData(
        "WIT-400M", f"OpenAI's own pairs of image and text, {_NOT_RELEASED}", "arXiv:2103.00020", ("openai",)
    ),
    PretrainingData(
        "Instagram (3.6 billion)",
        f"public Instagram photos with hashtags, gathered by Meta, {_NOT_RELEASED}",
        "arXiv:2201.08371",
        ("swag",),
    ),
    PretrainingData(
        "Instagram (1 billion)",
        f"public Instagram photos with hashtags, gathered by Meta, {_NOT_RELEASED}",
        "arXiv:1905.00546",
        ("ig1b", "swsl", "seer"),
    ),
    PretrainingData(
        "LVD-142M",
        f"images from the web that Meta chose for their likeness to public data sets, {_NOT_RELEASED}",
        "arXiv:2304.07193",
        ("lvd142m",),
    ),
    PretrainingData(
        "LVD-1689M", f"public Instagram images chosen by Meta, {_NOT_RELEASED}", "arXiv:2508.10104", ("lvd1689m",)
    ),
    PretrainingData(
        "SAT-493M", f"satellite images of Maxar, gathered by Meta, {_NOT_RELEASED}", "arXiv:2508.10104", ("sat493m",)
    ),
    PretrainingData(
        "LAION-2B",
        "the list of addresses is CC-BY-4.0; the images remain their owners', and the first release was withdrawn "
        "because it linked to illegal material",
        "https://laion.ai/blog/relaion-5b/",
        ("laion2b",),
    ),
    PretrainingData(
        "LAION-400M",
        "the list of addresses is CC-BY-4.0; the images remain their owners'",
        "https://laion.ai/blog/laion-400-open-dataset/",
        ("laion400m",),
    ),
    PretrainingData(
        "LAION-Aesthetics",
        "a selection of LAION-5B: the list of addresses is CC-BY-4.0; the images remain their owners'",
        "https://laion.ai/blog/laion-aesthetics/",
        ("laiona",),
    ),
    PretrainingData(
        "DataComp-1B",
        "the list of addresses is CC-BY-4.0; the images remain their owners'",
        "https://www.datacomp.ai/dcclip/",
        ("datacomp1b", "datacompxl", "dcxl"),
    ),
    PretrainingData(
        "MetaCLIP (from CommonCrawl)",
        "pairs chosen from CommonCrawl, whose images remain their owners'; only the recipe was released",
        "arXiv:2309.16671",
        ("metaclip", "metaclip2"),
    ),
    PretrainingData(
        "DFN-2B",
        "pairs filtered from the web by Apple; the addresses of DFN-2B were released, the images remain their owners'",
        "arXiv:2309.17425",
        ("dfn2b", "dfndr2b"),
    ),
    PretrainingData("DFN-5B", f"pairs filtered from the web by Apple, {_NOT_RELEASED}", "arXiv:2309.17425", ("dfn5b",)),
    PretrainingData(
        "YFCC-100M",
        "Flickr photos and videos under Creative Commons licences, many of them non-commercial; each item's own holds",
        "arXiv:1503.01817",
        ("yfcc100m", "yfcc15m"),
    ),
    PretrainingData(
        "Merged-2B",
        "LAION-2B and COYO-700M together: lists of addresses; the images remain their owners'",
        "arXiv:2303.15389",
        ("merged2b",),
    ),
    PretrainingData(
        "Merged-38M",
        "ImageNet-21k, CC3M, CC12M, COCO, ADE20K, Object365 and OpenImages together, each under its own terms",
        "arXiv:2303.11331",
        ("m38m",),
    ),
    PretrainingData(
        "CC12M",
        "Google's list of addresses may be used freely; the images remain their owners'",
        "https://github.com/google-research-datasets/conceptual-12m",
        ("cc12m",),
    ),
    PretrainingData(
        "SA-1B",
        "licensed photos, released by Meta for research under the SA-1B dataset licence",
        "https://ai.meta.com/datasets/segment-anything/",
        ("sa1b",),
    ),
    PretrainingData(
        "COCO",
        "the annotations are CC-BY-4.0; the Flickr photos are each under their own Creative Commons licence",
        "https://cocodataset.org/#termsofuse",
        ("coco",),
    ),
    PretrainingData(
        "iNaturalist 2021",
        "photos under each observer's own licence; the data set is for non-commercial research and education",
        "https://github.com/visipedia/inat_comp",
        ("inat21",),
    ),
    PretrainingData(
        "Places365",
        "for non-commercial research and education; its owners hold no rights in the photos",
        "http://places2.csail.mit.edu/download-private.html",
        ("places365",),
    ),
    PretrainingData(
        "CIFAR-10",
        "no licence is stated; its authors ask that their report be cited",
        "https://www.cs.toronto.edu/~kriz/cifar.html",
    ),
)

_BY_TAG = {word: corpus for corpus in CORPORA for word in corpus.tags}

#: These are ways to train whose authors used ImageNet-1k; a word for other data goes before.
_METHODS = ("mae", "fcmae", "dino")


def pretraining_of_tag(tag: str) -> str:
    """The data that a tag of timm names, the first seen first.

    Args:
        tag: What stands after the architecture's dot: ``"sw_in12k_ft_in1k"``.

    Returns:
        Their names joined by ``", then "``; ``"unknown (timm tag ...)"`` where the tag names none.

    Example:
        >>> pretraining_of_tag("sw_in12k_ft_in1k"), pretraining_of_tag("lvd142m")
        ('ImageNet-12k, then ImageNet-1k', 'LVD-142M')
        >>> pretraining_of_tag("hello")
        "unknown (timm tag 'hello')"
    """
    words = [word for word in tag.split("_") if word in _BY_TAG]
    named = [word for word in words if word not in _METHODS] or words
    names = list(dict.fromkeys(_BY_TAG[word].name for word in named))
    return ", then ".join(names) if names else f"unknown (timm tag {tag!r})"


def data_named(pretraining: str) -> tuple[PretrainingData, ...]:
    """The data that a card's ``pretraining`` names, in its order.

    Example:
        >>> [data.name for data in data_named("ImageNet-12k, then ImageNet-1k")]
        ['ImageNet-12k', 'ImageNet-1k']
    """
    known = {corpus.name: corpus for corpus in CORPORA}
    return tuple(known[name] for name in pretraining.split(", then ") if name in known)
