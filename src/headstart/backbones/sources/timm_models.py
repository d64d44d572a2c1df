"""``timm:NAME[.tag]``: architectures of timm, with its weights where they can be had."""

from __future__ import annotations

import importlib.metadata
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

from headstart.backbones.card import ImagePreprocess, Interpolation
from headstart.backbones.imagenet import DATA_IN_TAGS, imagenet_classes
from headstart.backbones.sources.contract import Blueprint, Provenance, Request
from headstart.core.errors import UnavailableError, UnknownNameError, WeightsError

if TYPE_CHECKING:
    from torch import nn

#: Seconds after which a hub that does not answer counts as out of reach.
PATIENCE = 5.0

_PAPERS = {
    "convnext": "Liu et al. 2022, A ConvNet for the 2020s (arXiv:2201.03545)",
    "deit": "Touvron et al. 2021, DeiT (arXiv:2012.12877)",
    "densenet": "Huang et al. 2017, DenseNet (arXiv:1608.06993)",
    "efficientnet": "Tan and Le 2019, EfficientNet (arXiv:1905.11946)",
    "tf_efficientnet": "Tan and Le 2019, EfficientNet (arXiv:1905.11946)",
    "inception_v3": "Szegedy et al. 2016, Rethinking the Inception Architecture (arXiv:1512.00567)",
    "mobilenetv2": "Sandler et al. 2018, MobileNetV2 (arXiv:1801.04381)",
    "mobilenetv3": "Howard et al. 2019, Searching for MobileNetV3 (arXiv:1905.02244)",
    "regnet": "Radosavovic et al. 2020, Designing Network Design Spaces (arXiv:2003.13678)",
    "resnet": "He et al. 2016, Deep Residual Learning (arXiv:1512.03385)",
    "swin": "Liu et al. 2021, Swin Transformer (arXiv:2103.14030)",
    "vgg": "Simonyan and Zisserman 2015, VGG (arXiv:1409.1556)",
    "vit_": "Dosovitskiy et al. 2021, An Image is Worth 16x16 Words (arXiv:2010.11929)",
}


class TimmSource:
    """timm's own catalogue; weights from its hub repositories or the hub's local cache."""

    def stamp(self, request: Request) -> str:
        """The version of timm: architectures and default tags move with it."""
        return f"timm {importlib.metadata.version('timm')}"

    def blueprint(self, request: Request) -> Blueprint:
        """The architecture and the preprocessing that timm names for this tag."""
        return timm_blueprint(request.name)

    def load(self, request: Request, model: nn.Module) -> Provenance:
        """Fetches the weights within bounded time and lets timm adapt them to its architecture.

        Raises:
            UnavailableError: There are none, or none in the cache and the hub is out of reach.
            WeightsError: The file is broken.
        """
        config = _config(request.name)
        if not config.hf_hub_id:
            raise UnavailableError(f"Expected weights for timm:{request.name}, but timm names none; {_RANDOM}")
        _load_through_timm(request.name, fetch(config.hf_hub_id, config.hf_hub_filename or "model.safetensors"), model)
        pretraining, classes = _pretraining(config.tag or "")
        return Provenance(f"timm weights {config.hf_hub_id}", pretraining, classes)


def _load_through_timm(name: str, path: Path, model: nn.Module) -> None:
    """With the classifier kept, timm checks that every tensor of the file fits; without it, none."""
    import timm

    from headstart.backbones.checkpoints import read_checkpoint

    read_checkpoint(path)
    overlay = {"file": str(path), "hf_hub_id": None, "url": None, "custom_load": False}
    try:
        loaded = timm.create_model(name, pretrained=True, pretrained_cfg_overlay=overlay)
    except RuntimeError as error:
        raise WeightsError(f"Expected {path} to hold the tensors of timm:{name}, but: {error}") from error
    loaded.reset_classifier(0)
    model.load_state_dict(loaded.state_dict())


def timm_blueprint(name: str) -> Blueprint:
    """The blueprint of ``architecture`` or ``architecture.tag``.

    Raises:
        UnknownNameError: timm has no such architecture or tag.
        UnavailableError: It wants an input that headstart cannot prepare.
    """
    config = _config(name)
    architecture = name.partition(".")[0]
    ids = config.paper_ids or next((text for start, text in _PAPERS.items() if architecture.startswith(start)), "")
    paper = ids if isinstance(ids, str) else ", ".join(ids)
    return Blueprint("timm", architecture, _preprocess(name, config), paper, config.license or "unknown")


_RANDOM = "use --random-weights for an untrained one, or bundled:efficientnet_lite0, which is always at hand."


def fetch(repository: str, file: str) -> Path:
    """A file of a hub repository, from the hub's cache or, within bounded time, from the hub.

    Raises:
        UnavailableError: It is not cached, and the hub is out of reach, switched off or does not have it.
    """
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(repository, file, local_files_only=True))
    except LocalEntryNotFoundError:
        pass
    if constants.HF_HUB_OFFLINE or os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        raise UnavailableError(f"Expected the weights {repository}, but HF_HUB_OFFLINE is set; {_RANDOM}")
    _check_reachable(repository, constants.ENDPOINT)
    try:
        return Path(hf_hub_download(repository, file, etag_timeout=PATIENCE))
    except (HfHubHTTPError, OSError) as error:
        raise UnavailableError(
            f"Expected the weights {repository} from the hub, but got {type(error).__name__}; {_RANDOM}"
        ) from error


def _check_reachable(repository: str, endpoint: str) -> None:
    """One question before the hub's own client, which retries for half a minute where there is no network."""
    try:
        urllib.request.urlopen(urllib.request.Request(endpoint, method="HEAD"), timeout=PATIENCE).close()
    except urllib.error.HTTPError:
        return
    except (OSError, ValueError) as error:
        raise UnavailableError(
            f"Expected the weights {repository}, but they are not on this machine and the hub is "
            f"out of reach ({getattr(error, 'reason', error)}); {_RANDOM}"
        ) from error


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
    if config.crop_mode != "center":
        problems.append(f"the crop mode {config.crop_mode!r}")
    if problems:
        raise UnavailableError(
            f"Expected timm:{name} to take square RGB pictures, resized and centre-cropped, but it wants "
            f"{' and '.join(problems)}; choose another."
        )
    mean, std = (cast(tuple[float, float, float], tuple(map(float, values))) for values in (config.mean, config.std))
    return ImagePreprocess(height, float(config.crop_pct), config.interpolation, mean, std)


def _pretraining(tag: str) -> tuple[str, tuple[str, ...]]:
    found = [DATA_IN_TAGS[part] for part in DATA_IN_TAGS if part in tag.split("_")]
    if not found:
        return f"unknown (timm tag {tag!r})", ()
    return ", then ".join(name for name, _ in found), imagenet_classes(found[0][1])
