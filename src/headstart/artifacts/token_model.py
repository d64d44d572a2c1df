"""A saved run that answers about the single tokens of texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from headstart.artifacts.evaluate import Evaluation
from headstart.artifacts.predict import Prediction, left_out
from headstart.artifacts.saved_model import SavedModel
from headstart.backbones.token_features import token_stage
from headstart.core.errors import DataError, HeadstartError, RunFolderError
from headstart.core.progress import Progress, Silent
from headstart.data.columns import Columns
from headstart.data.items import Item, ItemTable, content_digest, groups_of
from headstart.data.readers.unlabelled import read_unlabelled
from headstart.data.texts import SEPARATOR
from headstart.evaluation.summed import SummedScore, measured
from headstart.tasks.token_problem import TOKEN_PROBLEMS, TokenProblem
from headstart.transfer.heads import LinearHead
from headstart.workflows.token_tasks.model import answers_of, summands_of


@dataclass(frozen=True, slots=True)
class TokenPrediction(Prediction):
    """The answer for one item; its ``label`` is the answer in words.

    Attributes:
        answer: The answer itself as JSON values: a tag for each word, or the characters of the text.
    """

    answer: Any = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "id": self.id,
            "answer": self.answer,
            "label": self.label,
            "error": self.error,
            "notes": list(self.notes),
        }


class SavedTokenModel(SavedModel):
    """The model of a run that answers about tokens."""

    @cached_property
    def problem(self) -> TokenProblem:
        """What it was asked.

        Raises:
            RunFolderError: No task of ours is called what the run says.
        """
        name = self.run.manifest["task"]
        for kind in map(TOKEN_PROBLEMS.__getitem__, TOKEN_PROBLEMS):
            if kind.name == name:
                return kind.from_json(self.run.manifest["problem"])
        raise RunFolderError(f"Expected {self.run.path} to be of a task on tokens, but it is of {name!r}.")

    @property
    def _stages(self) -> list[str]:
        return [token_stage(self.backbone.card).name]

    def answers(self, items: Sequence[Item], *, progress: Progress | None = None) -> list[Any]:
        """The answer for each item."""
        head = self.head
        if not isinstance(head, LinearHead):
            raise RunFolderError(f"Expected a linear head in {self.run.path}, but got {type(head).__name__}.")
        spec, _ = self._path
        return answers_of(
            self.problem, items, backbone=self.backbone, spec=spec, head=head, progress=progress or Silent()
        )

    def predict(
        self, inputs: Sequence[Any], *, columns: Columns | None = None, progress: Progress | None = None
    ) -> list[TokenPrediction]:
        """Answers for texts as they are, for files of texts, and for files in the layout of the task.

        Args:
            inputs: Texts, pairs of a question and a text, paths.
            columns: Columns of a table.
            progress: Who is told how far it is.

        Returns:
            One per item, then one per input that is no item, with an error and no answer.
        """
        found, problems = _to_answer(self, inputs, columns)
        answers = self.answers(found, progress=progress)
        answered = [
            TokenPrediction(item.id, self.problem.in_words(item, answer), None, {}, answer=answer)
            for item, answer in zip(found, answers, strict=True)
        ]
        return [*answered, *problems]

    def evaluate(self, data: str, *, columns: Columns | None = None, progress: Progress | None = None) -> Evaluation:
        """Measures the model on labelled data: on its test split where it has one, else on all of it.

        Items that the run was trained on are left out and counted: on them any model looks good.

        Args:
            data: A file or folder in the layout of the task.
            columns: Refused where any is named: such files have none.
            progress: Who is told how far it is.

        Raises:
            DataError: There is nothing to judge.
        """
        table = self.problem.read(data, columns=columns)
        split, items = _judged(table, set(self.run.manifest["training_items"]))
        if not items:
            raise DataError(
                f"Expected labelled items in {table.origin} to judge {self.run.path} on, but none is left: "
                f"{table.ledger.counts()}."
            )
        summands = summands_of(self.problem, items, self.answers(items, progress=progress))
        groups = groups_of(items)
        metrics = measured(summands, self.problem.metrics, groups=None if groups is None else np.array(groups))
        score = SummedScore(summands, metrics)
        return Evaluation(table.origin, split, len(items), score, table.ledger, self.notices)


def _judged(table: ItemTable, trained_on: set[str]) -> tuple[str, list[Item]]:
    labelled = [item for item in table.items if item.label is not None]
    test = [item for item in labelled if item.split == "test"]
    kept = []
    for item in test or labelled:
        if content_digest(item.source.read()) in trained_on:
            table.ledger.leave_out(item, "seen in training", "the run was trained on it")
        else:
            kept.append(item)
    return ("test" if test else "all"), kept


def _to_answer(
    model: SavedTokenModel, inputs: Sequence[Any], columns: Columns | None
) -> tuple[list[Item], list[TokenPrediction]]:
    """Items to be answered, and what is wrong with the other inputs."""
    items, problems = [], []
    for number, given in enumerate(inputs, start=1):
        if not isinstance(given, str | Path | tuple):
            reason = f"Expected a text, a pair of texts or a path, but got {type(given).__name__}."
            problems.append(TokenPrediction(f"input {number}", None, None, {}, reason))
            continue
        if isinstance(given, str | Path) and Path(given).suffix in model.problem.suffixes and Path(given).is_file():
            items += [replace(item, label=None) for item in model.problem.read(str(given)).items]
            continue
        found = read_unlabelled([given], wanted=model.modality, columns=columns)
        problems += [_as_problem(left_out(entry)) for entry in found.ledger.excluded]
        for item in found.items:
            try:
                items.append(replace(model.problem.unlabelled(_text(item)), id=item.id))
            except HeadstartError as error:
                problems.append(TokenPrediction(item.id, None, None, {}, str(error)))
    return items, problems


def _as_problem(entry: Prediction) -> TokenPrediction:
    return TokenPrediction(entry.id, None, None, {}, entry.error)


def _text(item: Item) -> str:
    content = item.source.read()
    if not isinstance(content, bytes):
        raise DataError(f"Expected {item.id} to be a text, but it holds numbers of shape {content.shape}.")
    return content.decode("utf-8", "replace").replace(SEPARATOR, "\n", 1)
