"""A modality that headstart has never heard of, as a third party would bring it: tracks of a moving dot.

A file ``*.track`` holds heights over time, one number after the other. Everything that a house needs to know of it is
in this module: how a file is read, how it becomes an input, a source with pretrained weights, a baseline.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from headstart.backbones.sources.contract import Blueprint, Provenance, Request
from headstart.backbones.stages import Part
from headstart.data.inspection import Inspection
from headstart.data.items import Content, UnreadableError
from headstart.data.modality import Exhibit, Modality, Prepared, SmallNetwork
from headstart.evaluation.plain import DensePlainModel

LENGTH = 32


@dataclass(frozen=True, slots=True)
class TrackPreprocess:
    """A track as ``length`` heights."""

    kind: ClassVar[str] = "track"
    length: int

    @property
    def size(self) -> int:
        return self.length

    @property
    def axes(self) -> tuple[int]:
        return (self.length,)

    @property
    def has_context(self) -> bool:
        return False

    @property
    def assets(self) -> Mapping[str, str]:
        return {}

    def random_inputs(self, count: int, *, seed: int = 0) -> NDArray[np.float32]:
        return np.random.default_rng(seed).normal(size=(count, self.length)).astype(np.float32)

    def fitted_to(self, batches: Iterable[NDArray[Any]]) -> "TrackPreprocess":
        return self

    def entrance(self) -> nn.Module:
        return Entrance()


class Entrance(nn.Module):
    def forward(self, batch: Tensor) -> tuple[Tensor, None]:
        return batch.float(), None


class TrackNetwork(nn.Module):
    """Two linear layers, so that a boundary can lie between them."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(length, 24), nn.Linear(24, 16)
        self.own_parts = (Part("first", ("first",), _first), Part("second", ("second",), _second))

    def forward(self, tracks: Tensor) -> Tensor:
        return _second(self, _first(self, tracks, None), None)


def _first(model: Any, hidden: Tensor, context: Tensor | None) -> Tensor:
    return torch.relu(model.first(hidden))


def _second(model: Any, hidden: Tensor, context: Tensor | None) -> Tensor:
    return torch.relu(model.second(hidden))


def build_track(architecture: str, size: int) -> nn.Module:
    return TrackNetwork(size)


class TrackSource:
    """``track:waves``: the first layer of its weights knows waves of several frequencies."""

    def stamp(self, request: Request) -> str:
        return request.name

    def blueprint(self, request: Request) -> Blueprint:
        return Blueprint("track", "track_network", TrackPreprocess(LENGTH), "", "MIT")

    def load(self, request: Request, model: Any, progress: object = None) -> Provenance:
        time = torch.linspace(0, 2 * torch.pi, LENGTH)
        waves = [shape(time * k) for k in range(1, 7) for shape in (torch.sin, torch.cos)]
        with torch.no_grad():
            model.first.weight.copy_(torch.stack([sign * wave for sign in (1, -1) for wave in waves]) / 4)
        return Provenance("computed", "waves")


def _heights(content: Content) -> NDArray[np.float32]:
    try:
        heights = np.array(bytes(content).split(), dtype=np.float32)
    except ValueError as error:
        raise UnreadableError("not numbers", str(error)) from error
    if not len(heights) or not np.isfinite(heights).all():
        raise UnreadableError("no track", "it has no heights, or some are not finite")
    return heights


def _input(content: Content, preprocess: TrackPreprocess) -> NDArray[np.float32]:
    heights = _heights(content)
    where = np.linspace(0, len(heights) - 1, preprocess.length)
    return np.interp(where, np.arange(len(heights)), heights).astype(np.float32)


def _prepare(content: Content, preprocess: TrackPreprocess | None) -> Prepared:
    heights = _heights(content)
    inputs = _input(content, preprocess) if preprocess else np.empty(0, np.float32)
    digest = hashlib.sha256(heights.tobytes()).hexdigest()
    return Prepared(
        Inspection(digest, int(digest[:16], 16), (len(heights), 1)), inputs, _input(content, TrackPreprocess(16))
    )


def _small_network(inspections: object, preprocess: TrackPreprocess) -> SmallNetwork:
    return SmallNetwork("track", "track_network", TrackPreprocess(16))


TRACK = Modality(
    name="track",
    item_word="track",
    examples=("dot.track",),
    suffixes=frozenset({".track"}),
    takes=frozenset({"track"}),
    default_backbone="track:waves",
    plain_name="raw heights",
    size_name="points and dots",
    rule=lambda: "track rule 1",
    prepare=_prepare,
    prepare_reference=_input,
    plain_model=DensePlainModel("raw heights", standardised=True),
    small_network=_small_network,
    exhibit=lambda content: Exhibit(text=bytes(content).decode()[:80]),
    mismatch=lambda path: None,
    augment=None,
    invariances={},
    jitter=None,
)

ENTRY_POINTS = """[headstart.modalities]
track = tests.modalities.toy:TRACK
[headstart.preprocesses]
track = tests.modalities.toy:TrackPreprocess
[headstart.architecture_libraries]
track = tests.modalities.toy:build_track
[headstart.backbone_sources]
track = tests.modalities.toy:TrackSource
"""
