"""``torchvision:NAME[.WEIGHTS]``: classification models of torchvision, by its own table of weights."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING, Any, cast, get_args

from headstart.backbones.card import ImagePreprocess, Interpolation, crop_share
from headstart.backbones.papers import paper_of
from headstart.backbones.sources.contract import Blueprint, Provenance, Request
from headstart.core.errors import UnavailableError, UnknownNameError

if TYPE_CHECKING:
    from torch import nn
    from torchvision.models import WeightsEnum

    from headstart.core.progress import Progress

#: The licence of torchvision itself, which is that of its weights where their description names no other.
LICENCE = "BSD-3-Clause"

#: Address of a licence in a weights' description to its name.
_LICENCES = {"https://github.com/facebookresearch/SWAG/blob/main/LICENSE": "CC-BY-NC-4.0"}


class TorchvisionSource:
    """torchvision's table of weights; the files from its server or wherever torch.hub has put them."""

    def stamp(self, request: Request) -> str:
        """The version of torchvision: architectures and default weights move with it."""
        return f"torchvision {importlib.metadata.version('torchvision')}"

    def blueprint(self, request: Request) -> Blueprint:
        """The architecture and the preprocessing that these weights name.

        Raises:
            UnknownNameError: There is no such architecture, or no such weights of it.
            UnavailableError: The weights want an input that headstart cannot prepare.
        """
        weights = weights_named(request.name)
        architecture = request.name.partition(".")[0]
        if not weights.meta["categories"]:
            raise UnavailableError(
                f"Expected torchvision:{request.name} to have values for all layers, but it has none for its "
                f"classifier, of which the lower layers are part of a backbone; choose torchvision:{architecture}."
            )
        preprocess = _preprocess(request.name, weights)
        return Blueprint("torchvision", architecture, preprocess, paper_of(architecture), licence_of(weights))

    def load(self, request: Request, model: nn.Module, progress: Progress | None = None) -> Provenance:
        """Gets the file, held to the hash in its name, and fits its tensors to the model.

        Raises:
            UnavailableError: The file is not on this machine and cannot be fetched.
            WeightsError: It is another file, unsafe or broken, or does not fit.
        """
        from headstart.backbones.checkpoints import install_file
        from headstart.backbones.weights.url import fetch_url, hash_in_name, kept_by_torch_hub

        weights = weights_named(request.name)
        address = weights.url
        elsewhere = [kept_by_torch_hub(address)]
        file = fetch_url(address, sha256_start=hash_in_name(address), kept_elsewhere=elsewhere, progress=progress)
        installed = install_file(file.path, model, size=_preprocess(request.name, weights).size)
        said = f" ({'; '.join(installed.notes)})" if installed.notes else ""
        return Provenance(
            f"torchvision weights {weights}, {address}{said}",
            pretraining_of(weights),
            tuple(str(name).lower() for name in weights.meta["categories"] or ()),
            file=file.facts(),
            classifier=installed.classifier,
        )


def weights_named(name: str) -> WeightsEnum:
    """The weights that torchvision has for ``architecture`` (its default ones) or ``architecture.WEIGHTS``.

    Raises:
        UnknownNameError: There is no such architecture, or no such weights of it; names the nearest.
    """
    from torchvision import models

    architecture, _, tag = name.partition(".")
    known = models.list_models(module=models)
    if architecture not in known:
        raise UnknownNameError("torchvision architecture", architecture, known)
    table = models.get_model_weights(architecture)
    if tag and tag not in table.__members__:
        raise UnknownNameError(f"set of weights for torchvision:{architecture}", tag, table.__members__)
    return cast("WeightsEnum", table[tag or "DEFAULT"])


def licence_of(weights: WeightsEnum) -> str:
    """The licence of a set of weights: the one its description names, otherwise torchvision's own."""
    named = weights.meta.get("license", "")
    return _LICENCES.get(named, str(named)) or LICENCE


def pretraining_of(weights: WeightsEnum) -> str:
    """The data that a set of weights was trained on."""
    return "Instagram (3.6 billion), then ImageNet-1k" if "SWAG" in weights.name else "ImageNet-1k"


def _preprocess(name: str, weights: WeightsEnum) -> ImagePreprocess:
    """What ``weights.transforms()`` says, as far as headstart can do it."""
    preset: Any = weights.transforms()
    if problems := _problems(preset):
        raise UnavailableError(
            f"Expected torchvision:{name} to take RGB pictures, resized and centre-cropped, but it wants "
            f"{' and '.join(problems)}; choose another."
        )
    (size,), (resized,) = preset.crop_size, preset.resize_size
    mean, std = (cast(tuple[float, float, float], tuple(values)) for values in (preset.mean, preset.std))
    return ImagePreprocess(size, crop_share(size, resized), preset.interpolation.value, mean, std)


def _problems(preset: Any) -> list[str]:
    """What headstart cannot do of it."""
    if type(preset).__name__ != "ImageClassification":
        return [f"the transforms {type(preset).__name__}"]
    problems = [] if preset.antialias else ["a resize that is not antialiased"]
    if preset.interpolation.value not in get_args(Interpolation):
        problems.append(f"the interpolation {preset.interpolation.value!r}")
    size, resized = preset.crop_size[0], preset.resize_size[0]
    if resized < size:
        problems.append(f"a crop of {size} pixels out of {resized}")
    return problems
