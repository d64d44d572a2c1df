"""Opening a backbone by name; where it was converted before, without importing torch."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from headstart.backbones.card import BackboneCard
from headstart.backbones.converted import FORMAT, ConvertedBackbone, folder_name
from headstart.backbones.licences import check as check_licence
from headstart.backbones.sources.contract import SOURCES, Request
from headstart.core.assets import asset
from headstart.core.errors import WeightsError
from headstart.core.files import locked, storage_errors, write_json
from headstart.core.home import cache_home
from headstart.core.progress import Progress, Silent

DEFAULT_BACKBONE = "bundled:efficientnet_lite0"


def open_backbone(
    name: str = DEFAULT_BACKBONE,
    *,
    random_weights: bool = False,
    architecture: str | None = None,
    seed: int = 0,
    allow_licenses: Collection[str] = (),
    progress: Progress | None = None,
) -> ConvertedBackbone:
    """A backbone in its converted form, made on first use and checked on every use.

    A converted form whose files are damaged is moved aside and made again; ``progress`` says so.

    Args:
        name: ``source:name``: ``bundled:efficientnet_lite0``, ``timm:resnet18``, ``file:PATH``, ``run:PATH``.
        random_weights: Draw the weights at random: the same architecture without its pretraining.
        architecture: Name of the architecture, for ``file:`` alone: ``NAME`` of timm, or ``LIBRARY:NAME``.
        seed: Draws random weights.
        allow_licenses: Licences of weights that may be used beside the permissive ones.
        progress: Hears of a conversion.

    Raises:
        UsageError: The name or an option cannot be meant, or the licence of the weights is not allowed; that is
            found before they are fetched.
        UnavailableError: The source does not have it here and now, or it cannot be cut into stages.
        WeightsError: The weights are unsafe, broken or not those they claim to be.
    """
    request = Request.parse(name, random_weights=random_weights, architecture=architecture, seed=seed)
    listener = progress or Silent()
    stamp = f"format {FORMAT}, {SOURCES[request.prefix]().stamp(request)}"
    models = cache_home() / "models"
    found = _find(models, request, stamp)
    if found is None:
        _check_before_fetching(request, allow_licenses)
        with locked(models / ".lock"):
            found = _find(models, request, stamp, quarantine=listener) or _convert(models, request, stamp, listener)
    check_licence(found.card.licence, request.text, allow_licenses)
    return found


def check_name(name: str, *, architecture: str | None = None) -> None:
    """Refuses a backbone's name that no source could mean, before anything dear is done.

    Raises:
        UsageError: It is not ``source:name``, or the source is not known.
    """
    SOURCES[Request.parse(name, architecture=architecture).prefix]


def convert_trained(card: BackboneCard, tensors: Mapping[str, NDArray[Any]]) -> ConvertedBackbone:
    """The converted form of a backbone that was just trained: the one on disk, or made now from weights in memory.

    Args:
        card: Its card.
        tensors: Its weights, under the source model's names.
    """
    models = cache_home() / "models"
    with locked(models / ".lock"):
        if found := find_converted(card):
            return found
        from headstart.backbones.conversion import convert, with_weights

        return ConvertedBackbone.open(convert(with_weights(card, tensors), card, models))


def find_converted(card: BackboneCard) -> ConvertedBackbone | None:
    """The converted form of exactly this card where it is on disk and intact, without asking its source.

    A run that did not change its backbone finds it this way by the card in its manifest.
    """
    models = cache_home() / "models"
    return _open_intact(models / folder_name(card), models)


def _check_before_fetching(request: Request, allow_licenses: Collection[str]) -> None:
    if not request.random_weights:
        licence = SOURCES[request.prefix]().blueprint(request).licence
        check_licence(licence, request.text, allow_licenses)


def _find(
    models: Path, request: Request, stamp: str, *, quarantine: Progress | None = None
) -> ConvertedBackbone | None:
    """The intact converted form; a damaged one counts as none and, with a listener, is moved aside."""
    try:
        entry = json.loads(_index_file(models, request).read_bytes())
        if entry["request"] != request.to_json() or entry["stamp"] != stamp:
            return None
        folder = models / str(entry["folder"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return _open_intact(folder, models, quarantine)


def _open_intact(folder: Path, models: Path, quarantine: Progress | None = None) -> ConvertedBackbone | None:
    if not folder.is_dir():
        return None
    try:
        found = ConvertedBackbone.open(folder)
        for sha256 in found.card.preprocess.assets.values():
            asset(sha256)
        return found
    except WeightsError as error:
        if quarantine is not None:
            _move_aside(folder, models, error, quarantine)
        return None


def _convert(models: Path, request: Request, stamp: str, progress: Progress) -> ConvertedBackbone:
    progress.start(f"opening {request.text}")
    from headstart.backbones.conversion import convert, open_with_provenance

    backbone, card, provenance = open_with_provenance(request, progress)
    progress.say(f"Backbone {card.name}: {card.source}. It is converted, once.")
    progress.start("conversion")
    folder = models / folder_name(card)
    converted = _open_intact(folder, models, progress) or ConvertedBackbone.open(
        convert(backbone, card, models, classifier=provenance.classifier, language_head=provenance.language_head)
    )
    write_json(_index_file(models, request), {"request": request.to_json(), "stamp": stamp, "folder": folder.name})
    progress.finish(f"{card.parameters / 1e6:.1f} million parameters, {len(card.stages)} stages")
    return converted


def _move_aside(folder: Path, models: Path, error: WeightsError, progress: Progress) -> None:
    aside = models / "damaged" / f"{folder.name}-{time.time_ns()}"
    with storage_errors(aside):
        aside.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(aside)
    progress.say(f"{error} It was moved to {aside} and is made again.")


def _index_file(models: Path, request: Request) -> Path:
    readable = re.sub(r"[^A-Za-z0-9._-]+", "_", request.text)[-80:]
    unique = hashlib.sha256(json.dumps(request.to_json(), sort_keys=True).encode()).hexdigest()[:12]
    return models / "names" / f"{readable}-{unique}.json"
