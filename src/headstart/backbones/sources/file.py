"""``file:PATH`` with an architecture: somebody's own weights for an architecture of timm."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.backbones.card import WeightsFile
from headstart.backbones.sources.contract import Blueprint, Provenance, Request
from headstart.core.errors import UsageError
from headstart.core.files import sha256_file

if TYPE_CHECKING:
    from torch import nn

#: Licence and pretraining of a file that its owner brings: nothing in it says.
OWNERS = "unknown (the owner's file)"


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
        """The named architecture with the preprocessing that timm gives it by default."""
        from headstart.backbones.sources.timm_models import timm_blueprint

        return replace(timm_blueprint(request.architecture or ""), licence=OWNERS)

    def load(self, request: Request, model: nn.Module) -> Provenance:
        """Reads the file without running anything from it, and fits its tensors to the model.

        Raises:
            WeightsError: The file is unsafe or broken, or does not fit.
        """
        from headstart.backbones.checkpoints import fit_to_model, install, read_checkpoint

        path = _path(request)
        tensors, unwrapped = read_checkpoint(path)
        fitted, mapped = fit_to_model(path, tensors, model)
        install(path, fitted, model)
        notes = [*unwrapped, *mapped]
        said = f" ({'; '.join(notes)})" if notes else ""
        file = WeightsFile(sha256_file(path), path.stat().st_size)
        return Provenance(f"the file {path.name}{said}", OWNERS, file=file)


def _path(request: Request) -> Path:
    return Path(request.name).expanduser()
