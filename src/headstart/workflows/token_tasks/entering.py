"""What a training on tokens sees: activations at its boundary, cached or computed each time, or the tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.converted import ConvertedBackbone
from headstart.backbones.preprocess import as_batch
from headstart.core.progress import Progress
from headstart.data.items import Item
from headstart.features.boundary_cache import Views, activation_rows, activation_source, never
from headstart.features.engines.contract import EngineSpec
from headstart.features.store import Table
from headstart.tasks.token_problem import IGNORED, TokenProblem
from headstart.transfer.tuning_plan import Below
from headstart.workflows.token_tasks.examples import Windows, tokens_as_they_are, windows_of

if TYPE_CHECKING:
    from headstart.training.examples import Examples
    from headstart.training.token_targets import TokenTargets


@dataclass(frozen=True, eq=False)
class TargetedWindows:
    """The windows of some items, and what is to be learned of each of their tokens.

    Attributes:
        windows: The windows.
        targets: One number per token of each window, ``(L,)``.
    """

    windows: Windows
    targets: tuple[NDArray[np.int64], ...]

    @classmethod
    def of(cls, problem: TokenProblem, items: Sequence[Item], preprocess: Any) -> TargetedWindows:
        """Those of labelled items."""
        windows = windows_of(problem, items, preprocess)
        targets: list[NDArray[np.int64]] = [np.empty(0, np.int64)] * len(windows.all)
        for item, mine in zip(items, windows.of, strict=True):
            for number, wanted in zip(mine, problem.targets(item, [windows.all[at] for at in mine]), strict=True):
                targets[number] = wanted
        return cls(windows, tuple(targets))


@dataclass(frozen=True)
class Frozen:
    """The frozen side up to a boundary.

    Attributes:
        backbone: The converted backbone.
        spec: The path by which it is computed.
        device: Where what lies above it is trained.
        progress: Hears of a cache that is filled.
        stop: Whether somebody asked to stop.
    """

    backbone: ConvertedBackbone
    spec: EngineSpec
    device: str
    progress: Progress
    stop: Callable[[], bool] = never

    def kept(self, windows: Windows, stage: str) -> Table:
        """The whole activations of some windows at a stage, computed where they are not kept yet.

        Raises:
            Stopped: Somebody asked to stop; what was computed until then is kept.
        """
        return activation_rows(
            windows.items,
            windows.digests,
            view=0,
            views=Views(0),
            source=activation_source(self.backbone, self.spec, stage),
            modality=tokens_as_they_are(),
            progress=self.progress,
            stop=self.stop,
        )

    def entering(self, targeted: TargetedWindows, boundary: str, below: Below) -> TokenTargets:
        """Windows as they enter at a boundary.

        Args:
            targeted: The windows and their targets.
            boundary: The lowest stage that trains; ``"bottom"`` where all do.
            below: How what lies below it is had.

        Raises:
            Stopped: Somebody asked to stop while a cache was filled.
        """
        from headstart.training.token_targets import TokenTargets

        return TokenTargets(self._inputs(targeted.windows, boundary, below), targeted.targets, nothing=IGNORED)

    def _inputs(self, windows: Windows, boundary: str, below: Below) -> Examples:
        import torch

        from headstart.training.activations import CachedActivations, ComputedActivations, InputExamples

        stages, spec = self.backbone.card.stages, self.backbone.card.preprocess
        numbers = np.arange(len(windows.all))

        def tokens(rows: NDArray[np.int64], _: object = None) -> NDArray[Any]:
            return as_batch([windows.all[row].tokens for row in rows])

        if boundary == "bottom":
            return InputExamples(tokens, numbers, preprocess=spec, device=self.device)
        position = [stage.name for stage in stages].index(boundary)
        stage = stages[position - 1]
        if below == "cached":
            entrance = spec.entrance()
            return CachedActivations(
                [self.kept(windows, stage.name)],
                numbers,
                start=position,
                layout=stage.layout,
                contexts=lambda rows, _: entrance(torch.from_numpy(tokens(rows)))[1],
                device=self.device,
            )
        engine = activation_source(self.backbone, self.spec, stage.name).start()
        return ComputedActivations(
            tokens,
            engine,
            stage.name,
            numbers,
            start=position,
            layout=stage.layout,
            preprocess=spec,
            device=self.device,
        )
