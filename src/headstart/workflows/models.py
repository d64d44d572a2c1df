"""Which models there are, which may be used, and which are on this machine; nothing heavy is imported for it."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from headstart.backbones.card import BackboneCard
from headstart.backbones.converted import CARD
from headstart.backbones.licences import ANY_PERMISSIVE, allows, is_permissive, same_licence
from headstart.backbones.model_index.at_hand import Machine, known_file
from headstart.backbones.model_index.index import Index, outdated, read_index, refreshed
from headstart.backbones.model_index.row import ModelRow, Weights, write_stages
from headstart.backbones.pretraining_data import PretrainingData, data_named
from headstart.core.errors import UnknownNameError, WeightsError
from headstart.core.progress import Progress, Silent


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which models somebody wants to see; ``None`` is no wish.

    Attributes:
        pattern: A part of the name, or a glob pattern for all of it where it holds ``*``, ``?`` or ``[``.
        source: The prefix of the name.
        licence: ``"permissive"`` for every licence that needs no word of the user's, or a licence.
        max_parameters: The most parameters of the backbone.
        input_size: Side of the square input, in pixels.
        pretraining: A part of the name of the pretraining data, in any case.
        here: Only models whose weights are on this machine.
    """

    pattern: str = "*"
    source: str | None = None
    licence: str | None = None
    max_parameters: float | None = None
    input_size: int | None = None
    pretraining: str | None = None
    here: bool = False

    def fits(self, row: ModelRow) -> bool:
        """Whether the row is wanted, but for where its weights are."""
        return (
            _matches(self.pattern, row.name)
            and self.source in (None, row.source)
            and (self.licence is None or _under(self.licence, row.licence))
            and (self.max_parameters is None or 0 < row.parameters <= self.max_parameters)
            and self.input_size in (None, row.input_size)
            and (self.pretraining is None or self.pretraining.casefold() in row.pretraining.casefold())
        )


@dataclass(frozen=True, slots=True)
class Model:
    """A model, as far as it is known on this machine.

    Attributes:
        row: What the index says.
        place: Where its weights are on this machine; ``None`` where they are not.
    """

    row: ModelRow
    place: Path | None

    @property
    def permissive(self) -> bool:
        """Whether it is used without asking."""
        return is_permissive(self.row.licence)

    @property
    def weights(self) -> Weights:
        """Their file: what the index knows of it, and what can be seen of it on this machine."""
        return known_file(self.row, self.place)

    @property
    def terms(self) -> tuple[PretrainingData, ...]:
        """What it was pretrained on, and under which terms."""
        return data_named(self.row.pretraining)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, without the stages."""
        place = None if self.place is None else str(self.place)
        return {**self.row.to_json(), "permissive": self.permissive, "here": place}

    def card_to_json(self) -> dict[str, Any]:
        """As plain JSON values, with the stages, the terms of the data and what its file shows."""
        return {
            **self.to_json(),
            "weights": asdict(self.weights),
            "terms": [{"data": data.name, "terms": data.terms, "source": data.source} for data in self.terms],
            "stages": [{"name": stage.name, "dim": stage.dim, "layout": stage.layout} for stage in self.row.stages],
        }


@dataclass(frozen=True, slots=True)
class Models:
    """Models that fit a wish.

    Attributes:
        found: Those on this machine first, then in the order of the index.
        notes: What to know about the index.
    """

    found: tuple[Model, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"models": [model.to_json() for model in self.found], "notes": list(self.notes)}


def find_models(wanted: Wanted) -> Models:
    """The models that fit: those of the index, and whatever else was converted on this machine."""
    index, machine = read_index(), Machine.now()
    models = [Model(row, machine.place_of(row)) for row in _known(index, machine) if wanted.fits(row)]
    here = [model for model in models if model.place]
    elsewhere = [model for model in models if not model.place]
    return Models(tuple(here if wanted.here else here + elsewhere), index.notes)


def show_model(name: str) -> Model:
    """One model; without a tag the name means the library's default.

    Raises:
        UnknownNameError: The index has none of this name, and none was converted here.
    """
    index, machine = read_index(), Machine.now()
    rows = list(_known(index, machine))
    for row in rows:
        if name in row.names:
            return Model(row, machine.place_of(row))
    names = [known for row in rows for known in row.names]
    same = [known for known in names if known.partition(":")[2] == name]
    raise UnknownNameError("model", name, same or names)


def models_at_hand(kinds: Collection[str], allow_licenses: Collection[str] = ()) -> list[ModelRow]:
    """The models that may be tried without asking and without a network: what a ranking takes as its candidates.

    Args:
        kinds: Kinds of preprocessing that inputs can be made for.
        allow_licenses: Licences of weights that may be used beside the permissive ones.

    Returns:
        Models that can be cut into stages, whose licence is allowed and whose weights are on this machine, in the order
        of the index; earlier runs are not among them, because they may have seen the data.
    """
    index, machine = read_index(), Machine.now()
    return [
        row
        for row in _known(index, machine)
        if row.takes in kinds
        and row.source != "run"
        and not row.uncut
        and allows(row.licence, allow_licenses)
        and machine.place_of(row)
    ]


def refresh_models(*, progress: Progress | None = None) -> dict[str, int]:
    """Makes the index anew for every library that is installed in another version than the one indexed.

    Returns:
        How many models there are now, by prefix; empty where every index fits.
    """
    made = {}
    for prefix in outdated():
        from headstart.backbones.model_index.generate import generate

        made[prefix] = generate(prefix, refreshed(prefix), progress=progress or Silent())
    return made


def _known(index: Index, machine: Machine) -> Iterator[ModelRow]:
    """The index, then whatever else was converted here: a hub repository, an earlier run."""
    yield from index.rows
    indexed = {name for row in index.rows for name in row.names}
    for name, folder in machine.converted.items():
        if name not in indexed and (card := _card(folder)):
            yield _row_of_card(card)


def _card(folder: Path) -> BackboneCard | None:
    """The card of a converted form; ``None`` where it is damaged: the catalog then makes the form again."""
    try:
        return BackboneCard.from_json(json.loads((folder / CARD).read_bytes()))
    except (OSError, ValueError, WeightsError):
        return None


def _row_of_card(card: BackboneCard) -> ModelRow:
    file = card.file
    return ModelRow(
        name=card.name,
        takes=card.preprocess.kind,
        licence=card.licence,
        pretraining=card.pretraining,
        paper=card.paper,
        parameters=card.parameters,
        flops=None,
        input_size=card.preprocess.size,
        cut=write_stages(card.stages),
        uncut="",
        weights=Weights("none", "") if file is None else Weights("none", "", "", file.sha256, file.bytes),
    )


def _matches(pattern: str, name: str) -> bool:
    """Whether a name fits: a glob pattern may leave out the source, and anything else is looked for inside."""
    if not any(letter in pattern for letter in "*?["):
        return pattern.casefold() in name.casefold()
    return any(fnmatch.fnmatchcase(part.casefold(), pattern.casefold()) for part in (name, name.partition(":")[2]))


def _under(wanted: str, licence: str) -> bool:
    return is_permissive(licence) if wanted == ANY_PERMISSIVE else same_licence(wanted, licence)
