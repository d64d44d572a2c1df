"""``file:PATH`` with an architecture: somebody's own weights.

The architecture is ``LIBRARY:NAME``, such as ``torchvision:resnet18`` or ``headstart:cifar_resnet20``; a NAME alone
is timm's.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.backbones.card import WeightsFile
from headstart.backbones.licences import OWNERS
from headstart.backbones.sources.contract import SOURCES, Blueprint, Provenance, Request
from headstart.core.errors import UsageError
from headstart.core.files import sha256_file

if TYPE_CHECKING:
    from torch import nn

    from headstart.core.progress import Progress


class FileSource:
    """One safetensors file, or one torch checkpoint that holds nothing but tensors."""

    def stamp(self, request: Request) -> str:
        """The file's hash.

        Raises:
            UsageError: There is no such file.
        """
        path = _path(request)
        if not path.is_file():
            raise UsageError(f"Expected a file with weights, but there is none at {path}.")
        return sha256_file(path)

    def blueprint(self, request: Request) -> Blueprint:
        """The named architecture with the preprocessing that its library gives it by default.

        Raises:
            UnknownNameError: There is no such library or architecture.
        """
        named = request.architecture or ""
        library, _, name = (named if ":" in named else f"timm:{named}").partition(":")
        origin = Request(library, name, random_weights=True)
        return replace(SOURCES[origin.prefix]().blueprint(origin), licence=OWNERS)

    def load(self, request: Request, model: nn.Module, progress: Progress | None = None) -> Provenance:
        """Reads the file without running anything from it, and fits its tensors to the model.

        Raises:
            WeightsError: The file is unsafe or broken, or does not fit.
        """
        from headstart.backbones.checkpoints import install_file

        path = _path(request)
        installed = install_file(path, model, size=self.blueprint(request).preprocess.size)
        said = f" ({'; '.join(installed.notes)})" if installed.notes else ""
        file = WeightsFile(sha256_file(path), path.stat().st_size)
        return Provenance(f"the file {path.name}{said}", OWNERS, file=file, classifier=installed.classifier)


def _path(request: Request) -> Path:
    return Path(request.name).expanduser()
