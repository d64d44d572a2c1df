"""Regression: a number for each item."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import DataError
from headstart.evaluation.regression_score import LEADING, compare_regressions, regression_score
from headstart.evaluation.summed import SummedScore
from headstart.evaluation.verdict import Comparison
from headstart.features.rows import Rows, SelectableRows
from headstart.transfer.heads import LinearHead
from headstart.transfer.ridge import fit_ridge
from headstart.workflows.pooled_tasks.problem import AsClasses, Outputs, SolvedHead, Targets

if TYPE_CHECKING:
    from headstart.tasks.regression import NumberRegression

#: Strata are quantiles of the labels: so many, and of at least so many items each.
_MOST_STRATA, _LEAST_IN_STRATUM = 10, 10
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Regression:
    """A number for each item, learned in units of the training items' spread.

    Attributes:
        mean: Of the training items' numbers.
        scale: Their standard deviation.
        least: The smallest of them.
        most: The largest.
    """

    mean: float
    scale: float
    least: float
    most: float
    name: ClassVar[str] = "regression"
    leading: ClassVar[str] = LEADING
    leading_in_words: ClassVar[str] = "R²"
    label_survives_jitter: ClassVar[bool] = False
    empty_label: ClassVar[str | None] = None
    classes: ClassVar[tuple[str, ...]] = ()

    @property
    def does(self) -> str:
        """``"predicts a number (from 1 to 5 in training)"``."""
        return f"predicts a number (from {self.least:.6g} to {self.most:.6g} in training)"

    @staticmethod
    def canonical(labels: Sequence[str], *, origin: str) -> list[str]:
        """Numbers as Python writes them.

        Raises:
            DataError: Some are no finite numbers.
        """
        found = [_number(label) for label in labels]
        wrong = sorted({label for label, number in zip(labels, found, strict=True) if number is None})
        if wrong:
            more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
            raise DataError(
                f"Expected finite numbers such as 3.5 as labels in {origin}, but got "
                f"{', '.join(map(repr, wrong[:_SHOWN]))}{more}; name the column of numbers with --label-column, or "
                "write them with a decimal point and without units."
            )
        return [repr(number) for number in found]

    @staticmethod
    def strata(labels: Sequence[str]) -> list[str]:
        """Quantiles of the numbers, of at least 10 items each."""
        numbers = np.array(labels, dtype=np.float64)
        count = min(_MOST_STRATA, max(1, len(numbers) // _LEAST_IN_STRATUM))
        edges = np.quantile(numbers, np.arange(1, count) / count)
        return [f"quantile {place}" for place in np.searchsorted(edges, numbers, side="right")]

    @classmethod
    def of(cls, labels: Sequence[str]) -> Regression:
        """Mean and spread of training items.

        Raises:
            DataError: All of them have the same number.
        """
        numbers = np.array(labels, dtype=np.float64)
        if not len(numbers) or numbers.min() == numbers.max():
            raise DataError(
                f"Expected numbers that differ between training items, but all {len(numbers)} have the same; name "
                "another --label-column."
            )
        return cls(float(numbers.mean()), float(numbers.std()), float(numbers.min()), float(numbers.max()))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Regression:
        """What :func:`dataclasses.asdict` gave."""
        return cls(**values)

    def unknown(self, labels: Sequence[str]) -> list[str]:
        """Nothing: any number may be right."""
        return []

    def targets(self, labels: Sequence[str]) -> Targets:
        """Standardised numbers, ``(N, 1)``."""
        numbers = np.array(labels, dtype=np.float64)[:, None]
        return np.asarray((numbers - self.mean) / self.scale, np.float32)

    def task(self) -> NumberRegression:
        """A linear head and the squared error."""
        from headstart.tasks.regression import NumberRegression

        return NumberRegression()

    def solve(
        self,
        features: SelectableRows,
        targets: Targets,
        *,
        strata: NDArray[np.int64],
        groups: Sequence[str] | None,
        seed: int,
    ) -> SolvedHead:
        """Ridge regression, its strength chosen out of fold."""
        ridge = fit_ridge(features, targets, strata=strata, groups=groups, seed=seed)
        return SolvedHead(
            LinearHead(ridge.weight, ridge.bias, temperature=1.0),
            f"ridge regression, strength {ridge.strength:.3g} from out-of-fold squared errors",
            {"strength": ridge.strength, "strengths_tried": [asdict(one) for one in ridge.tried]},
        )

    def calibrated(self, head: LinearHead, features: Rows, targets: Targets) -> LinearHead:
        """The head as it is: a number has no confidence."""
        return head

    def held_out_loss(self, outputs: Outputs, targets: Targets) -> float:
        """Mean squared error in units of the training items' variance."""
        return float(np.square(outputs - targets).mean())

    def chance(self, targets: Targets) -> float:
        """The variance of the targets: what always saying their mean makes."""
        return float(np.var(targets, dtype=np.float64))

    def constant(self, targets: Targets) -> NDArray[np.float64]:
        """The mean."""
        return np.asarray(self.answers(targets.mean(axis=0, dtype=np.float64)[None])[0])

    def answers(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Numbers in the labels' own unit, ``(N, 1)``."""
        return np.asarray(self.mean + self.scale * np.asarray(outputs, np.float64))

    def as_classes(self, targets: Targets, *, train: NDArray[np.intp]) -> list[AsClasses]:
        """Quantiles of the training items' numbers, each standing for the mean of its own."""
        numbers = self.answers(targets)[:, 0]
        strata = self.strata([str(number) for number in numbers[train]])
        names = sorted(set(strata))
        own = np.array([names.index(stratum) for stratum in strata])
        means = np.array([numbers[train][own == place].mean() for place in range(len(names))])
        labels = np.abs(numbers[:, None] - means).argmin(axis=1)
        labels[train] = own
        return [AsClasses(labels, means, f"the mean of {len(names)} quantiles, weighted by their probabilities")]

    def score(
        self, targets: Targets, answers: NDArray[np.float64], *, groups: NDArray[Any] | None, seed: int
    ) -> SummedScore:
        """R², mean absolute error and root mean squared error."""
        return regression_score(self.answers(targets)[:, 0], answers[:, 0], groups=groups, seed=seed)

    def compare(self, ours: SummedScore, theirs: SummedScore, *, groups: NDArray[Any] | None, seed: int) -> Comparison:
        """R² of both."""
        return compare_regressions(ours, theirs, groups=groups, seed=seed)

    def per_class(
        self, targets: Targets, answers: NDArray[np.float64], *, groups: NDArray[Any] | None
    ) -> list[dict[str, Any]]:
        """Nothing: there are no classes."""
        return []

    def how_wrong(self, targets: Targets, answers: NDArray[np.float64]) -> NDArray[np.float64]:
        """The absolute error."""
        return np.asarray(np.abs(answers - self.answers(targets))[:, 0])

    def in_words(self, answer: NDArray[np.float64]) -> str:
        """The number, with six digits."""
        return f"{answer[0]:.6g}"

    def label_in_words(self, label: str) -> str:
        """The same of a label."""
        return f"{float(label):.6g}"

    def to_json(self, answer: NDArray[np.float64]) -> float:
        """The number."""
        return float(answer[0])


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
