"""How thoroughly to measure, and on what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """What every benchmark is given.

    Attributes:
        data: The folder that holds the data sets.
        runs: Processes per figure; their median counts.
        plain_runs: Runs of the plain loop, which takes minutes.
        full: Whether the plain loop runs in full where it would otherwise be extrapolated.
        finetune: Whether the backbones that are ranked are fine-tuned, too, where the data is small.
    """

    data: Path
    runs: int
    plain_runs: int
    full: bool
    finetune: bool
