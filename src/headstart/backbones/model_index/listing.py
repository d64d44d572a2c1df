"""Every library's own list of models, with what it says of each before anything is built: one function per prefix."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.backbones.card import ImagePreprocess
from headstart.backbones.model_index.row import Weights
from headstart.backbones.preprocess import Preprocess
from headstart.backbones.pretraining_data import pretraining_of_tag
from headstart.backbones.sources.contract import SOURCES, Request
from headstart.core.errors import UnavailableError
from headstart.core.registry import Registry


@dataclass(frozen=True, slots=True)
class Listed:
    """A model as its library lists it.

    Attributes:
        name: ``source:architecture.tag``.
        library: The library that builds the architecture.
        architecture: Its name there.
        preprocess: How an input is prepared.
        licence: Of the weights.
        pretraining: Data they were trained on.
        paper: Reference of the architecture.
        weights: Their file.
        uncut: Why headstart cannot use it, where that is known before it is built.
        imagenet_top1: Of the whole model, in percent, where the library says so.
        default: Whether the library takes these weights where the name has no tag.
    """

    name: str
    library: str
    architecture: str
    preprocess: Preprocess
    licence: str
    pretraining: str
    paper: str
    weights: Weights
    uncut: str = ""
    imagenet_top1: float | None = None
    default: bool = False


#: Prefix to the function that lists its models.
LISTINGS: Registry[Callable[[], Iterator[Listed]]] = Registry(
    "library with an index",
    {
        "bundled": "headstart.backbones.model_index.listing:list_bundled",
        "headstart": "headstart.backbones.model_index.listing:list_own",
        "timm": "headstart.backbones.model_index.listing:list_timm",
        "torchvision": "headstart.backbones.model_index.listing:list_torchvision",
        "keras": "headstart.backbones.model_index.listing:list_keras",
    },
)

#: Google's own figures, https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
_LITE_TOP1 = {"efficientnet_lite0": 75.1, "efficientnet_lite1": 76.7, "efficientnet_lite2": 77.6}


def list_bundled() -> Iterator[Listed]:
    """Sets of weights that come with Python packages."""
    from headstart.backbones.sources.bundled import BUNDLED

    for name, bundled in BUNDLED.items():
        weights = Weights("package", bundled.package, bundled.file, bundled.sha256)
        yield _listed(f"bundled:{name}", weights, bundled.pretraining, imagenet_top1=_LITE_TOP1.get(name))


def list_own() -> Iterator[Listed]:
    """Our own architectures: nobody has trained them."""
    from headstart.backbones.sources.own import architectures

    for name in architectures():
        yield _listed(f"headstart:{name}", Weights("none", ""), "none (random weights)")


def list_timm() -> Iterator[Listed]:
    """Every set of weights that timm names."""
    import timm

    for name in timm.list_pretrained():
        architecture = name.partition(".")[0]
        config = timm.get_pretrained_cfg(name)
        default = timm.get_pretrained_cfg(architecture).tag == config.tag
        known = _Known(architecture, _pictures(config.input_size[-1]), config.license or "unknown")
        pretraining = pretraining_of_tag(config.tag or "")
        yield _listed(f"timm:{name}", _timm_weights(config), pretraining, default=default, known=known)


def list_torchvision() -> Iterator[Listed]:
    """Every set of weights in torchvision's tables of classification models."""
    from torchvision import models

    from headstart.backbones.sources.torchvision_models import licence_of, pretraining_of
    from headstart.backbones.weights.url import hash_in_name

    for architecture in models.list_models(module=models):
        table = models.get_model_weights(architecture)
        for weights in table:
            size = round(weights.meta["_file_size"] * 2**20)
            top1 = weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
            yield _listed(
                f"torchvision:{architecture}.{weights.name}",
                Weights("url", weights.url, "", hash_in_name(weights.url), size),
                pretraining_of(weights),
                imagenet_top1=None if math.isnan(top1) else top1,
                default=weights == table["DEFAULT"],
                known=_Known(architecture, _pictures(weights.transforms().crop_size[0]), licence_of(weights)),
            )


def list_keras() -> Iterator[Listed]:
    """The applications of Keras; where a file lies is known only to the function that builds the network."""
    from headstart.backbones.keras_models import translated
    from headstart.backbones.sources.keras_applications import APPLICATIONS

    for name, application in APPLICATIONS.items():
        addresses: list[str] = []

        def stop(file: str, address: str, md5: str, found: list[str] = addresses) -> Path:
            found.append(address)
            raise _AddressFoundError

        with suppress(_AddressFoundError):
            translated(name, application.size, stop)
        yield _listed(f"keras:{name}", Weights("url", addresses[0]), "ImageNet-1k")


class _AddressFoundError(Exception):
    """Ends the building of a network of which only the weights' address is wanted."""


def _timm_weights(config: Any) -> Weights:
    """Where the source finds a timm model's weights: on the hub, else at an address."""
    from headstart.backbones.weights.url import hash_in_name

    if config.hf_hub_id:
        return Weights("hub", config.hf_hub_id, config.hf_hub_filename or "")
    return Weights("url", config.url, "", hash_in_name(config.url)) if config.url else Weights("none", "")


def _pictures(side: int) -> ImagePreprocess:
    """Of a model that cannot be opened no more than the size is known."""
    return ImagePreprocess(side, 1.0, "bicubic", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@dataclass(frozen=True, slots=True)
class _Known:
    """What a library says even of a model that headstart cannot use."""

    architecture: str
    preprocess: Preprocess
    licence: str


def _listed(
    name: str,
    weights: Weights,
    pretraining: str,
    *,
    imagenet_top1: float | None = None,
    default: bool = False,
    known: _Known | None = None,
) -> Listed:
    """What the source itself says of a model; one that it refuses is listed with its reason."""
    request = Request.parse(name)
    library, paper, uncut = request.prefix, "", ""
    try:
        blueprint = SOURCES[request.prefix]().blueprint(request)
        library, paper = blueprint.library, blueprint.paper
        known = _Known(blueprint.architecture, blueprint.preprocess, blueprint.licence)
    except UnavailableError as error:
        if known is None:
            raise
        uncut = " ".join(str(error).split())
    return Listed(
        name=name,
        library=library,
        architecture=known.architecture,
        preprocess=known.preprocess,
        licence=known.licence,
        pretraining=pretraining,
        paper=paper,
        weights=weights,
        uncut=uncut,
        imagenet_top1=imagenet_top1,
        default=default,
    )
