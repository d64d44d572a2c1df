"""One model of the index, and the one line that it takes on disk."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any, Literal

from headstart.backbones.card import Layout, Stage

#: Where the file of weights is kept: in a Python package, in a repository of the hub, at an address.
Place = Literal["package", "hub", "url", "none"]

_LAYOUTS: dict[str, Layout] = {"": "NCHW", "h": "NHWC", "t": "NLC", "p": "NC"}
_LETTERS = {layout: letter for letter, layout in _LAYOUTS.items()}
_RUN = re.compile(r"(.*?)(\d+)-(\d+)$")


@dataclass(frozen=True, slots=True)
class Weights:
    """The file of a model's weights.

    Attributes:
        place: What ``name`` is a name in.
        name: The package, the repository or the address; empty where nobody has trained the model.
        file: The file's name in the package or repository; empty where the source knows it.
        sha256: Of the whole file, or its first digits; empty where the index does not know it.
        bytes: Its size, from torchvision to the kilobyte; ``None`` where the index does not know it.
    """

    place: Place
    name: str
    file: str = ""
    sha256: str = ""
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One model of the index.

    Attributes:
        name: ``source:architecture.tag``, as every verb takes it.
        takes: Kind of its preprocessing: ``"image"``.
        licence: Of the weights: an SPDX identifier or the owner's words.
        pretraining: Data the weights were trained on.
        paper: Reference of the architecture; empty where unknown.
        parameters: Of the backbone, without its classifier.
        flops: Of one forward pass at ``input_size``, two for each multiplication with addition; ``None`` where
            they could not be counted.
        input_size: Side of the square input in pixels; the most tokens, samples or frames.
        cut: The stages as one line of text; see :attr:`stages`.
        uncut: Why headstart cannot use it; empty where it can.
        weights: Their file.
        imagenet_top1: Share of ImageNet-1k's validation photos that the whole model gets right, in percent, where
            the library that brings it says so.
        default: Whether the library takes these weights where the name has no tag.
    """

    name: str
    takes: str
    licence: str
    pretraining: str
    paper: str
    parameters: int
    flops: int | None
    input_size: int
    cut: str
    uncut: str
    weights: Weights
    imagenet_top1: float | None = None
    default: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that opens it: with its tag, and for a default without."""
        untagged = self.name.partition(".")[0]
        return (self.name, untagged) if self.default and untagged != self.name else (self.name,)

    @property
    def source(self) -> str:
        """What stands before the colon."""
        return self.name.partition(":")[0]

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Stages with their feature sizes, as far as shapes tell; empty where it cannot be cut."""
        return parse_stages(self.cut)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; the stages are left to whoever shows one model."""
        return {name: value for name, value in asdict(self).items() if name != "cut"}


def write_stages(stages: Sequence[Stage]) -> str:
    """Stages as one line: ``NAME:DIM`` and a letter for the layout, numbered neighbours of one shape together.

    Example:
        >>> layers = [Stage(f"layer1.{index}", 64, "NCHW") for index in range(3)]
        >>> write_stages([*layers, Stage("pool", 64, "NC")])
        'layer1.0-2:64 pool:64p'
    """
    written = []
    for (_, dim, layout), group in groupby(stages, key=lambda stage: (_stem(stage.name), stage.dim, stage.layout)):
        written += [f"{names}:{dim}{_LETTERS[layout]}" for names in _runs([stage.name for stage in group])]
    return " ".join(written)


def parse_stages(text: str) -> tuple[Stage, ...]:
    """The stages that :func:`write_stages` wrote.

    Example:
        >>> [stage.name for stage in parse_stages("layer1.0-2:64 pool:64p")]
        ['layer1.0', 'layer1.1', 'layer1.2', 'pool']
    """
    stages = []
    for part in text.split():
        names, _, shape = part.rpartition(":")
        dim = shape.rstrip("htp")
        layout = _LAYOUTS[shape[len(dim) :]]
        stages += [Stage(name, int(dim), layout) for name in _names(names)]
    return tuple(stages)


def _stem(name: str) -> str:
    return name.rstrip("0123456789")


def _runs(names: Sequence[str]) -> list[str]:
    """Names whose numbers follow on each other, as ``stem.FIRST-LAST``; all have one stem."""
    numbers = [name[len(_stem(name)) :] for name in names]
    if len(names) < 2 or not numbers[0] or numbers != [str(int(numbers[0]) + step) for step in range(len(names))]:
        return list(names)
    return [f"{names[0]}-{numbers[-1]}"]


def _names(names: str) -> list[str]:
    run = _RUN.fullmatch(names)
    return [f"{run[1]}{number}" for number in range(int(run[2]), int(run[3]) + 1)] if run else [names]
