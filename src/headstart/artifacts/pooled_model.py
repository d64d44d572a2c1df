"""A saved run that gives each item several labels, or a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.artifacts.evaluate import Evaluation
from headstart.artifacts.predict import Prediction, left_out
from headstart.artifacts.saved_model import Answer, SavedModel
from headstart.core.errors import DataError, RunFolderError
from headstart.core.progress import Progress
from headstart.data.columns import Columns
from headstart.data.items import Exclusion, Item, ItemTable, groups_of
from headstart.features.extraction import FeatureSource, extract
from headstart.transfer.heads import LinearHead
from headstart.workflows.pooled_tasks.examples import read_labelled
from headstart.workflows.pooled_tasks.problem import POOLED_PROBLEMS, PooledProblem, outputs_of

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class PooledPrediction(Prediction):
    """The answer for one item; its ``label`` is the answer in words.

    Attributes:
        answer: The answer itself as JSON values: a list of labels, or a number.
        probabilities: Of every label, in the order of the run's classes; empty where the answer is a number.
    """

    answer: Any = field(default=None)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        beside = {"probabilities": self.probabilities} if self.probabilities else {}
        ending = {"error": self.error, "notes": list(self.notes)}
        return {"id": self.id, "answer": self.answer, "label": self.label, **beside, **ending}


class SavedPooledModel(SavedModel):
    """The model of a run that answers about whole items, other than by one class."""

    @cached_property
    def problem(self) -> PooledProblem:
        """What it was asked.

        Raises:
            RunFolderError: No task of ours is called what the run says.
        """
        name = self.run.manifest["task"]
        for kind in map(POOLED_PROBLEMS.__getitem__, POOLED_PROBLEMS):
            if kind.name == name:
                return kind.from_json(self.run.manifest["problem"])
        raise RunFolderError(f"Expected {self.run.path} to be of a task on whole items, but it is of {name!r}.")

    def answer(self, items: Sequence[Item], *, progress: Progress | None = None) -> Answer:
        """Answers ``(n, K)`` in the place of class probabilities; what cannot be read is a failure among them."""
        head = self.head
        if not isinstance(head, LinearHead):
            raise RunFolderError(f"Expected a linear head in {self.run.path}, but got {type(head).__name__}.")
        spec, engine = self._path
        source = FeatureSource(self.backbone.card, self._stages, spec, lambda: engine)
        extraction = extract(
            items, self.digests(items), modality=self.modality, source=source, progress=progress or self._progress
        )
        return Answer(extraction, self.problem.answers(outputs_of(head, extraction.features[self._stages[0]])))

    def predict(
        self,
        inputs: Sequence[str | Path | tuple[str, str] | NDArray[np.uint8]],
        *,
        columns: Columns | None = None,
        progress: Progress | None = None,
    ) -> list[PooledPrediction]:
        """Answers for files, for everything in folders, for arrays, and for texts as they are.

        Args:
            inputs: Paths, patterns, arrays; where the model is one of texts also texts and pairs.
            columns: Columns of a table.
            progress: Who is told how far it is.

        Returns:
            A prediction per item found, then one per array, then one per input that was not found or is of another
            kind.
        """
        items, others = self.items_of(inputs, columns)
        return [*self._predictions(items, progress), *map(_without_answer, others)]

    def evaluate(self, data: str, *, columns: Columns | None = None, progress: Progress | None = None) -> Evaluation:
        """Measures the model on labelled data: on its test split where it has one, else on all of it.

        Items that the run was trained on are left out and counted: on them any model looks good.

        Args:
            data: A folder, a table or a name.
            columns: Columns of a table.
            progress: Who is told how far it is.

        Raises:
            DataError: Labels that the model does not know, or nothing to judge.
        """
        problem = self.problem
        table = read_labelled(type(problem), data, self.modality, columns)
        test = [item for item in table.items if item.split == "test"]
        split, items = ("test", test) if test else ("all", list(table.items))
        if unknown := problem.unknown([str(item.label) for item in items]):
            more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
            raise DataError(
                f"Expected the labels in {table.origin} to be among the {len(self.classes)} of the run, but got "
                f"{', '.join(map(repr, unknown[:_SHOWN]))}{more}; rename or remove them."
            )
        answer = self.answer(items, progress=progress)
        kept = self._kept(items, answer, table)
        judged = [items[int(answer.extraction.readable[row])] for row in kept]
        groups = groups_of(judged)
        score = problem.score(
            problem.targets([str(item.label) for item in judged]),
            answer.probabilities[kept],
            groups=None if groups is None else np.array(groups),
            seed=0,
        )
        return Evaluation(table.origin, split, len(judged), score, table.ledger, self.notices)

    def _predictions(self, items: Sequence[Item], progress: Progress | None) -> list[PooledPrediction]:
        if not items:
            return []
        found = self.answer(items, progress=progress)
        rows = zip(found.extraction.readable, found.probabilities, found.extraction.inspections, strict=True)
        answered = {
            int(place): replace(self._prediction(items[place].id, row), notes=inspection.notes)
            for place, row, inspection in rows
        }
        return [
            answered.get(place) or PooledPrediction(item.id, None, None, {}, found.extraction.failures[place])
            for place, item in enumerate(items)
        ]

    def _prediction(self, name: str, answer: NDArray[np.float64]) -> PooledPrediction:
        problem = self.problem
        probabilities = dict(zip(problem.classes, answer.tolist(), strict=True)) if problem.classes else {}
        return PooledPrediction(name, problem.in_words(answer), None, probabilities, answer=problem.to_json(answer))

    def _kept(self, items: Sequence[Item], answer: Answer, table: ItemTable) -> list[int]:
        """Rows of the answer that may be judged; the others go to the ledger."""
        trained_on, kept = set(self.run.manifest["training_items"]), []
        for row, (place, digest) in enumerate(zip(answer.extraction.readable, answer.extraction.digests, strict=True)):
            if digest in trained_on:
                table.ledger.leave_out(items[place], "seen in training", "the run was trained on it")
            else:
                kept.append(row)
        for place, reason in answer.extraction.failures.items():
            table.ledger.leave_out(items[place], "unreadable", reason)
        if not kept:
            raise DataError(
                f"Expected items in {table.origin} to judge {self.run.path} on, but none is left: "
                f"{table.ledger.counts()}."
            )
        return kept


def _without_answer(entry: Exclusion) -> PooledPrediction:
    return PooledPrediction(entry.id, None, None, {}, left_out(entry).error)
