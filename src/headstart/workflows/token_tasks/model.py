"""A model that can be saved: a converted backbone, a linear head on the features of its tokens, and how they answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.converted import ConvertedBackbone
from headstart.backbones.token_features import token_stage
from headstart.core.progress import Progress
from headstart.core.tensors import read_tensors
from headstart.data.items import Item
from headstart.features.admission import Choice
from headstart.features.engines.contract import EngineSpec
from headstart.features.store import Table
from headstart.tasks.token_problem import TokenProblem
from headstart.transfer.heads import LinearHead
from headstart.workflows.token_tasks.entering import Frozen
from headstart.workflows.token_tasks.examples import Windows, windows_of

_WINDOWS_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class TokenModel:
    """A model that can be saved.

    Attributes:
        problem: What is asked.
        backbone: The converted backbone.
        choice: The path from tokens to features.
        head: The linear layer on the features of each token.
        strategy: Name of the strategy that made it.
        facts: What the manifest says of the strategy.
        trained_backbone: Whether the backbone's weights are the strategy's own work.
    """

    problem: TokenProblem
    backbone: ConvertedBackbone
    choice: Choice
    head: LinearHead
    strategy: str
    facts: dict[str, Any]
    trained_backbone: bool = False

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The whole model: a run can be used where its backbone's source cannot be had."""
        backbone = read_tensors(self.backbone.weights)
        return {**{f"backbone.{name}": values for name, values in backbone.items()}, **self.head.tensors()}


def answers_of(
    problem: TokenProblem,
    items: Sequence[Item],
    *,
    backbone: ConvertedBackbone,
    spec: EngineSpec,
    head: LinearHead,
    progress: Progress,
) -> list[Any]:
    """The answer for each item, without torch.

    Args:
        problem: What is asked.
        items: Whom to answer.
        backbone: The converted backbone.
        spec: The path from tokens to features.
        head: The linear layer on them.
        progress: Hears how far it is.
    """
    windows = windows_of(problem, items, backbone.card.preprocess)  # type: ignore[arg-type]
    rows = Frozen(backbone, spec, "cpu", progress).kept(windows, token_stage(backbone.card).name)
    return answers_from(problem, items, windows, _logits(rows, windows, head))


def answers_from(
    problem: TokenProblem, items: Sequence[Item], windows: Windows, logits: Sequence[NDArray[np.float32]]
) -> list[Any]:
    """The answer for each item from what a network says of its windows.

    Args:
        problem: What is asked.
        items: The items.
        windows: Of these items.
        logits: For each window, ``(L, K)``; rows behind its last token are of no account.
    """
    found = []
    for item, mine in zip(items, windows.of, strict=True):
        pieces = [windows.all[at] for at in mine]
        found.append(problem.answer(item, pieces, [logits[at][: len(windows.all[at].tokens)] for at in mine]))
    return found


def summands_of(problem: TokenProblem, items: Sequence[Item], answers: Sequence[Any]) -> NDArray[np.float64]:
    """What the metrics of some answers are made of, one row per item."""
    return np.array([problem.summands(item, answer) for item, answer in zip(items, answers, strict=True)], dtype=float)


def _logits(rows: Table, windows: Windows, head: LinearHead) -> list[NDArray[np.float32]]:
    found: list[NDArray[np.float32]] = []
    for begin in range(0, len(windows.all), _WINDOWS_AT_ONCE):
        features = rows.take(slice(begin, begin + _WINDOWS_AT_ONCE)).astype(np.float32)
        found.extend(features @ head.weight.T + head.bias)
    return found
