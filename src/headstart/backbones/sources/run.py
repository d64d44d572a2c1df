"""``run:PATH``: the backbone of a former run, as it was or as that run trained it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.backbones.card import BackboneCard
from headstart.backbones.identity import weights_sha256
from headstart.backbones.sources.contract import Blueprint, Provenance, Request
from headstart.core.assets import keep_asset
from headstart.core.errors import RunFolderError, WeightsError
from headstart.core.files import sha256_file
from headstart.core.run_folder import ASSETS
from headstart.core.tensors import read_tensors

if TYPE_CHECKING:
    from torch import nn

    from headstart.core.progress import Progress

#: Before the names of a backbone's tensors in a run's ``model.safetensors``.
TENSOR_PREFIX = "backbone."


@dataclass(frozen=True, slots=True)
class FormerRun:
    """What a run's manifest says about its backbone.

    Attributes:
        card: The backbone's card; its hash is that of the weights in the run.
        trained: Whether the run changed the backbone's weights.
        data: Name of the run's data.
        items: Content digests of the items it was trained on.
    """

    card: BackboneCard
    trained: bool
    data: str
    items: tuple[str, ...]


class RunSource:
    """A run folder: ``manifest.json`` and ``model.safetensors``."""

    def stamp(self, request: Request) -> str:
        """The hashes of both files.

        Raises:
            RunFolderError: The folder is not a run.
        """
        return " ".join(sha256_file(_file(request, name)) for name in ("manifest.json", "model.safetensors"))

    def blueprint(self, request: Request) -> Blueprint:
        """The architecture and preprocessing of the run's card."""
        manifest = _file(request, "manifest.json")
        card = read_former_run(manifest).card
        for sha256 in card.preprocess.assets.values():
            _keep_asset(manifest.parent, sha256)
        return Blueprint(card.library, card.architecture, card.preprocess, card.paper, card.licence)

    def load(self, request: Request, model: nn.Module, progress: Progress | None = None) -> Provenance:
        """Loads the run's backbone and holds it to the card's hash.

        Raises:
            RunFolderError: The folder is not a run.
            WeightsError: The weights are broken, do not fit or are not those of the card.
        """
        from headstart.backbones.checkpoints import install

        former = read_former_run(_file(request, "manifest.json"))
        path = _file(request, "model.safetensors")
        tensors = {
            name.removeprefix(TENSOR_PREFIX): values
            for name, values in read_tensors(path).items()
            if name.startswith(TENSOR_PREFIX)
        }
        install(path, tensors, model)
        found = weights_sha256(former.card.library, former.card.architecture, tensors)
        if found != former.card.sha256:
            raise WeightsError(
                f"Expected the backbone in {path} to have the sha256 {former.card.sha256}, but got {found}; "
                "the run is damaged or was changed. Make it again."
            )
        return _provenance(request, former)


def read_former_run(manifest: Path) -> FormerRun:
    """Reads ``backbone``, ``trained_backbone``, ``data`` and ``training_items`` of a manifest.

    Raises:
        RunFolderError: The manifest is not one.
    """
    try:
        values = json.loads(manifest.read_bytes())
        return FormerRun(
            card=BackboneCard.from_json(values["backbone"]),
            trained=bool(values["trained_backbone"]),
            data=str(values["data"]["name"]),
            items=tuple(map(str, values["training_items"])),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, WeightsError) as error:
        raise RunFolderError(
            f"Expected {manifest} to describe a backbone, its data and its training items, but got "
            f"{error!r}; it was not written by this version of headstart, or is damaged."
        ) from error


def _keep_asset(run: Path, sha256: str) -> None:
    """Puts a file that preparing an input needs back where it is looked for."""
    path = run / ASSETS / sha256
    if not path.is_file() or sha256_file(path) != sha256:
        raise RunFolderError(
            f"Expected {path}, which preparing an input needs, to be as the run saved it, but it is missing or has "
            "changed; restore it, or fit again."
        )
    keep_asset(path.read_bytes())


def _provenance(request: Request, former: FormerRun) -> Provenance:
    card = former.card
    if not former.trained:
        return Provenance(card.source, card.pretraining, card.pretraining_classes, card.pretraining_items)
    untrained = card.pretraining.startswith("none")
    pretraining = former.data if untrained else f"{card.pretraining}, then {former.data}"
    items = tuple(dict.fromkeys((*card.pretraining_items, *former.items)))
    source = f"trained by the run {request.name}, from: {card.source}"
    return Provenance(source, pretraining, card.pretraining_classes, items)


def _file(request: Request, name: str) -> Path:
    path = Path(request.name).expanduser() / name
    if not path.is_file():
        raise RunFolderError(
            f"Expected {path.parent} to be a run, but it has no {name}; give the folder of a finished run."
        )
    return path
