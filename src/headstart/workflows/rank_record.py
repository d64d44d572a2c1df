"""What a ranking came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from headstart.transfer.ranking import Standing
from headstart.transfer.scores.contract import SCORES

_SHOWN = 3


@dataclass(frozen=True)
class Candidate:
    """What came of one candidate.

    Attributes:
        name: The backbone.
        outcome: ``"thinned out"``: not among the better half on a few examples. ``"not ranked"``: ``reason`` says why.
        reason: Empty where it was ranked.
        standings: By score, among those of the same outcome; a score that does not exist for it is not there.
        examples: How many examples it was scored on.
        parameters: Number of parameters of the backbone.
        items_per_second: Prepared inputs to features, on this machine.
        seconds: What scoring it took.
        imagenet_top1: What the whole source model gets right of ImageNet-1k, in percent, where its library says so.
    """

    name: str
    outcome: Literal["ranked", "thinned out", "not ranked"]
    reason: str = ""
    standings: Mapping[str, Standing] = field(default_factory=dict)
    examples: int = 0
    parameters: int | None = None
    items_per_second: float | None = None
    seconds: float = 0.0
    imagenet_top1: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**asdict(self), "standings": {name: found.to_json() for name, found in self.standings.items()}}


@dataclass(frozen=True)
class Ranking:
    """Backbones in the order in which they suit some data.

    Attributes:
        origin: The data, as the user gave it.
        item_word: What one item is called.
        examples: How many training examples it rests on.
        classes: Number of classes.
        scores: Names of the scores; the first one decides.
        candidates: The ranked ones, the best first; then those thinned out; then those that could not be ranked.
    """

    origin: str
    item_word: str
    examples: int
    classes: int
    scores: tuple[str, ...]
    candidates: tuple[Candidate, ...]

    @property
    def ranked(self) -> tuple[Candidate, ...]:
        """The candidates that were ranked on all examples, the best first."""
        return tuple(candidate for candidate in self.candidates if candidate.outcome == "ranked")

    @property
    def best(self) -> Candidate:
        """The first of them."""
        return self.ranked[0]

    @property
    def tied(self) -> tuple[Candidate, ...]:
        """Those of which no other is shown to be better; the best is one of them."""
        return tuple(one for one in self.ranked if one.standings[self.scores[0]].tied_with_best)

    @property
    def sentence(self) -> str:
        """Which backbone is the best, and how sure that is."""
        count, score = len(self.ranked), SCORES[self.scores[0]].label
        if count == 1:
            return f"{self.best.name} is the only candidate that could be ranked."
        first = f"Of {count} candidates {self.best.name} is first by {score}{self._equals()}"
        others = [candidate.name for candidate in self.tied if candidate is not self.best]
        if not others:
            return f"{first}, and every other is shown to be worse (95 %)."
        return f"{first}, but {_listed(others)} {'is' if len(others) == 1 else 'are'} not shown to be worse (95 %)."

    def _equals(self) -> str:
        """How the first was chosen where others have the same score."""
        values = [candidate.standings[self.scores[0]].value for candidate in self.ranked]
        return " (the smallest of those with the highest score)" if values.count(max(values)) > 1 else ""

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            **asdict(replace(self, candidates=())),
            "sentence": self.sentence,
            "best": self.best.name,
            "tied_with_best": [candidate.name for candidate in self.tied],
            "candidates": [candidate.to_json() for candidate in self.candidates],
        }


def _listed(names: Sequence[str]) -> str:
    shown = [*names[:_SHOWN], f"{len(names) - _SHOWN} more"] if len(names) > _SHOWN + 1 else list(names)
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
