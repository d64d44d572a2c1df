"""``timm:NAME[.tag]``: architectures of timm, with its weights where they can be had."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

from headstart.backbones.card import CropMode, ImagePreprocess, Interpolation
from headstart.backbones.imagenet import DATA_IN_TAGS, imagenet_classes
from headstart.backbones.papers import paper_of
from headstart.backbones.pretraining_data import pretraining_of_tag
from headstart.backbones.source_classifier import SourceClassifier
from headstart.backbones.sources.contract import Blueprint, Provenance, Request
from headstart.core.errors import UnavailableError, UnknownNameError, WeightsError

if TYPE_CHECKING:
    from torch import nn

    from headstart.backbones.weights.fetched import FetchedFile
    from headstart.core.progress import Progress

#: What a repository of timm's may keep its weights in; what runs no code goes first.
_FILES = ("model.safetensors", "pytorch_model.bin")


class TimmSource:
    """timm's own catalogue; weights from its hub repositories or the hub's local cache."""

    def stamp(self, request: Request) -> str:
        """The version of timm: architectures and default tags move with it."""
        return f"timm {importlib.metadata.version('timm')}"

    def blueprint(self, request: Request) -> Blueprint:
        """The architecture and the preprocessing that timm names for this tag."""
        return timm_blueprint(request.name)

    def load(self, request: Request, model: nn.Module, progress: Progress | None = None) -> Provenance:
        """Fetches the weights within bounded time and lets timm adapt them to its architecture.

        Raises:
            UnavailableError: There are none, or none in the cache and the hub is out of reach.
            WeightsError: The file is broken.
        """
        config = _config(request.name)
        file = _fetch(request.name, config, progress)
        classifier = _load_through_timm(request.name, file.path, model)
        pretraining, classes = _pretraining(config.tag or "")
        return Provenance(f"timm weights {file.origin}", pretraining, classes, file=file.facts(), classifier=classifier)


def _fetch(name: str, config: Any, progress: Progress | None) -> FetchedFile:
    from headstart.backbones.weights.hub import fetch_from_hub
    from headstart.backbones.weights.url import fetch_url, hash_in_name, kept_by_torch_hub

    if config.hf_hub_id:
        names = (config.hf_hub_filename,) if config.hf_hub_filename else _FILES
        return fetch_from_hub(config.hf_hub_id, names, progress=progress)
    if config.url:
        elsewhere = [kept_by_torch_hub(config.url)]
        return fetch_url(config.url, sha256_start=hash_in_name(config.url), kept_elsewhere=elsewhere, progress=progress)
    raise UnavailableError(f"Expected weights for timm:{name}, but timm names none.")


def _load_through_timm(name: str, path: Path, model: nn.Module) -> SourceClassifier | None:
    """With the classifier kept, timm checks that every tensor of the file fits; without it, none.

    timm is given the tensors and never the file: older versions of it unpickle whatever a file holds.
    """
    import timm
    import torch

    from headstart.backbones.checkpoints import read_checkpoint

    tensors = {name: torch.from_numpy(values) for name, values in read_checkpoint(path)[0].items()}
    overlay = {"state_dict": tensors, "file": None, "hf_hub_id": None, "url": None, "custom_load": False}
    try:
        loaded = timm.create_model(name, pretrained=True, pretrained_cfg_overlay=overlay).eval()
    except RuntimeError as error:
        raise WeightsError(f"Expected {path} to hold the tensors of timm:{name}, but: {error}") from error
    classifier = _take_classifier(loaded)
    model.load_state_dict(loaded.state_dict())
    return classifier


def _take_classifier(loaded: nn.Module) -> SourceClassifier | None:
    """Removes the classifier; gives it back where it is one linear layer on the features that are left.

    That is tried on one input: several architectures put more than the layer between the two.
    """
    import torch
    from torch import nn

    layer = loaded.get_classifier()  # type: ignore[operator]
    size = loaded.pretrained_cfg["input_size"]  # type: ignore[index]
    example = torch.rand((1, *size), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        logits = loaded(example)
        loaded.reset_classifier(0)  # type: ignore[operator]
        if not isinstance(layer, nn.Linear) or layer.in_features != loaded(example).shape[-1]:
            return None
        if not torch.allclose(layer(loaded(example)), logits, rtol=1e-3, atol=1e-4):
            return None
        bias = torch.zeros(layer.out_features) if layer.bias is None else layer.bias
        return SourceClassifier(layer.weight.detach().numpy(), bias.detach().numpy())


def timm_blueprint(name: str) -> Blueprint:
    """The blueprint of ``architecture`` or ``architecture.tag``.

    Raises:
        UnknownNameError: timm has no such architecture or tag.
        UnavailableError: It wants an input that headstart cannot prepare.
    """
    config = _config(name)
    architecture = name.partition(".")[0]
    ids = config.paper_ids or paper_of(architecture)
    paper = ids if isinstance(ids, str) else ", ".join(ids)
    return Blueprint("timm", architecture, _preprocess(name, config), paper, config.license or "unknown")


def _config(name: str) -> Any:
    import timm

    if not timm.is_model(name.partition(".")[0]):
        raise UnknownNameError("timm architecture", name, timm.list_models())
    config = timm.get_pretrained_cfg(name, allow_unregistered=False) if "." not in name or _tagged(name) else None
    if config is None:
        known = timm.list_pretrained(f"{name.partition('.')[0]}.*")
        raise UnknownNameError("timm model with a tag", name, known or [name.partition(".")[0]])
    return config


def _tagged(name: str) -> bool:
    import timm

    return name in timm.list_pretrained(f"{name.partition('.')[0]}.*")


def _preprocess(name: str, config: Any) -> ImagePreprocess:
    channels, height, width = config.input_size
    problems = []
    if channels != 3 or height != width:
        problems.append(f"an input of {config.input_size}")
    if config.interpolation not in get_args(Interpolation):
        problems.append(f"the interpolation {config.interpolation!r}")
    if config.crop_mode not in get_args(CropMode):
        problems.append(f"the crop mode {config.crop_mode!r}")
    if problems:
        raise UnavailableError(
            f"Expected timm:{name} to take square RGB pictures, resized and centre-cropped, but it wants "
            f"{' and '.join(problems)}; choose another."
        )
    mean, std = (cast(tuple[float, float, float], tuple(map(float, values))) for values in (config.mean, config.std))
    return ImagePreprocess(height, float(config.crop_pct), config.interpolation, mean, std, config.crop_mode)


def _pretraining(tag: str) -> tuple[str, tuple[str, ...]]:
    found = [DATA_IN_TAGS[part] for part in DATA_IN_TAGS if part in tag.split("_")]
    return pretraining_of_tag(tag), imagenet_classes(found[0][1]) if found else ()
