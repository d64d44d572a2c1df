"""Multi-label classification: any number of labels for each item, or none."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import DataError
from headstart.data.items import sort_class_names
from headstart.data.label_sets import read_label_sets, written_label_set
from headstart.evaluation.multilabel_score import THRESHOLD, label_records, multilabel_score
from headstart.evaluation.summed import SummedScore, compare
from headstart.evaluation.verdict import Comparison
from headstart.features.rows import Rows, SelectableRows
from headstart.metrics.multilabel import label_metrics, label_summands, suited_temperature
from headstart.metrics.temperature import doubt_after
from headstart.transfer.heads import LinearHead
from headstart.transfer.multilabel_probe import fit_multilabel_probe
from headstart.workflows.pooled_tasks.problem import AsClasses, Outputs, SolvedHead, Targets, outputs_of

if TYPE_CHECKING:
    from headstart.tasks.multilabel import MultilabelClassification

_SHOWN = 8
_NONE = "no label"


@dataclass(frozen=True, slots=True)
class Multilabel:
    """Each of the labels is there or not; one is given where its calibrated probability is 0.5 or more.

    Attributes:
        classes: The labels, in the order of the probabilities.
    """

    classes: tuple[str, ...]
    name: ClassVar[str] = "multi-label classification"
    leading: ClassVar[str] = "micro_f1"
    leading_in_words: ClassVar[str] = "micro F1"
    label_survives_jitter: ClassVar[bool] = True
    empty_label: ClassVar[str | None] = "[]"

    @property
    def does(self) -> str:
        """``"gives any of 3 labels: a, b, c"``."""
        shown = ", ".join(self.classes[:_SHOWN])
        more = f" and {len(self.classes) - _SHOWN} more" if len(self.classes) > _SHOWN else ""
        return f"gives any of {len(self.classes)} labels ({shown}{more}), each at a probability of {THRESHOLD} or more"

    @staticmethod
    def canonical(labels: Sequence[str], *, origin: str) -> list[str]:
        """Sorted lists of labels, as JSON.

        Raises:
            DataError: A list of labels cannot be read.
        """
        try:
            return [written_label_set(found) for found in read_label_sets(labels)]
        except ValueError as error:
            raise DataError(
                f"{error} in {origin}; write several labels as a;b, as a|b, as a,b, or as a list."
            ) from None

    @staticmethod
    def strata(labels: Sequence[str]) -> list[str]:
        """The rarest label of each item: so that rare labels, too, are in every split as far as that can be."""
        sets = [json.loads(label) for label in labels]
        counts = Counter(name for names in sets for name in names)
        return [min(names, key=lambda name: (counts[name], name)) if names else "" for names in sets]

    @classmethod
    def of(cls, labels: Sequence[str]) -> Multilabel:
        """The labels that training items have.

        Raises:
            DataError: None has any.
        """
        names = sort_class_names(name for label in labels for name in json.loads(label))
        if not names:
            raise DataError(
                f"Expected labels of training items, but none of {len(labels)} has one; name another --label-column."
            )
        return cls(names)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Multilabel:
        """What :func:`dataclasses.asdict` gave."""
        return cls(tuple(values["classes"]))

    def unknown(self, labels: Sequence[str]) -> list[str]:
        """Labels that no training item has."""
        return list(sort_class_names({name for label in labels for name in json.loads(label)} - set(self.classes)))

    def targets(self, labels: Sequence[str]) -> Targets:
        """1 where an item has a label, else 0, ``(N, C)``."""
        place = {name: number for number, name in enumerate(self.classes)}
        found = np.zeros((len(labels), len(self.classes)), np.float32)
        for row, label in enumerate(labels):
            found[row, [place[name] for name in json.loads(label)]] = 1
        return found

    def task(self) -> MultilabelClassification:
        """A linear head and binary cross-entropy."""
        from headstart.tasks.multilabel import MultilabelClassification

        return MultilabelClassification(len(self.classes))

    def solve(
        self,
        features: SelectableRows,
        targets: Targets,
        *,
        strata: NDArray[np.int64],
        groups: Sequence[str] | None,
        seed: int,
    ) -> SolvedHead:
        """One logistic regression for each label; strength and temperature are chosen out of fold."""
        probe = fit_multilabel_probe(features, targets, strata=strata, groups=groups, seed=seed)
        return SolvedHead(
            probe.head,
            f"logistic regression for each label, strength {probe.strength:.3g}, temperature "
            f"{probe.head.temperature:.2f} from out-of-fold logits",
            {"strength": probe.strength, "strengths_tried": [asdict(one) for one in probe.tried]},
            probe.converged,
        )

    def calibrated(self, head: LinearHead, features: Rows, targets: Targets) -> LinearHead:
        """The head with the one temperature that suits its logits on these items best (Guo et al. 2017)."""
        logits = outputs_of(head, features)
        return replace(head, temperature=suited_temperature(logits, targets, doubt=doubt_after(len(targets)))[0])

    def held_out_loss(self, outputs: Outputs, targets: Targets) -> float:
        """Log loss per item and label at the temperature that suits them best."""
        return suited_temperature(outputs, targets, doubt=doubt_after(len(targets)))[1]

    def chance(self, targets: Targets) -> float:
        """The log loss of always giving each label's share: the mean entropy of the labels."""
        shares = targets.mean(axis=0, dtype=np.float64).clip(1e-12, 1 - 1e-12)
        return float(-(shares * np.log(shares) + (1 - shares) * np.log1p(-shares)).mean())

    def constant(self, targets: Targets) -> NDArray[np.float64]:
        """Each label's share."""
        return np.asarray(targets.mean(axis=0, dtype=np.float64))

    def answers(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Probabilities: the sigmoid of each logit, ``(N, C)``."""
        return np.asarray(0.5 + 0.5 * np.tanh(0.5 * np.asarray(outputs, np.float64)))

    def as_classes(self, targets: Targets, *, train: NDArray[np.intp]) -> list[AsClasses]:
        """For each label whether it is there; where that is the same of all training items, one class."""
        return [_there_or_not(column.astype(np.int64), train) for column in targets.T]

    def score(
        self, targets: Targets, answers: NDArray[np.float64], *, groups: NDArray[Any] | None, seed: int
    ) -> SummedScore:
        """Micro F1, subset accuracy, macro F1, Hamming accuracy and mean average precision."""
        return multilabel_score(targets, answers, groups=groups, seed=seed)

    def compare(self, ours: SummedScore, theirs: SummedScore, *, groups: NDArray[Any] | None, seed: int) -> Comparison:
        """Micro F1 of both."""
        return compare(ours.summands, theirs.summands, label_metrics(len(self.classes)), groups=groups, seed=seed)

    def per_class(
        self, targets: Targets, answers: NDArray[np.float64], *, groups: NDArray[Any] | None
    ) -> list[dict[str, Any]]:
        """Precision, recall and F1 of each label."""
        return label_records(label_summands(targets, answers >= THRESHOLD), self.classes, groups=groups)

    def how_wrong(self, targets: Targets, answers: NDArray[np.float64]) -> NDArray[np.float64]:
        """How many labels are wrong, and by how much in all; 0 where none is."""
        wrong = (answers >= THRESHOLD) != (targets > 0)
        return np.asarray((wrong * (1 + np.abs(answers - targets))).sum(axis=1), np.float64)

    def in_words(self, answer: NDArray[np.float64]) -> str:
        """The labels that are given, separated by commas."""
        return self._joined([name for name, there in zip(self.classes, answer >= THRESHOLD, strict=True) if there])

    def label_in_words(self, label: str) -> str:
        """The same of a label."""
        return self._joined(json.loads(label))

    def to_json(self, answer: NDArray[np.float64]) -> list[str]:
        """The labels that are given."""
        return [name for name, there in zip(self.classes, answer >= THRESHOLD, strict=True) if there]

    def _joined(self, names: Sequence[str]) -> str:
        return ", ".join(names) or _NONE


def _there_or_not(there: NDArray[np.int64], train: NDArray[np.intp]) -> AsClasses:
    names, labels = np.unique(there[train]), there
    if len(names) == 1:  # nothing can be told apart
        labels = np.zeros_like(there)
    return AsClasses(labels, names.astype(np.float64), "a model for each label")
