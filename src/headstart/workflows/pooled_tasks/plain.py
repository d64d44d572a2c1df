"""What can be had without any network: the opponents that need no training step by step."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from headstart.core.progress import Progress
from headstart.data.items import Split
from headstart.data.modality import PlainModel, PlainProblem
from headstart.evaluation.candidates import Candidate
from headstart.workflows.pooled_tasks.candidates import Scorer, judged_on, solved_on
from headstart.workflows.pooled_tasks.examples import PooledExamples
from headstart.workflows.pooled_tasks.problem import AsClasses

CONSTANT = "always the same answer"

#: The modality's plain model, which tells classes apart, is fitted anew for every number that a network would give; not
#: where examples times such numbers are more than this.
MOST_FITTED = 100_000


def plain_baselines(examples: PooledExamples, score: Scorer, *, seed: int, progress: Progress) -> list[Candidate]:
    """The best constant answer, the same head on what the items are without a network, and the modality's plain model.

    The last one tells classes apart; see :class:`headstart.workflows.pooled_tasks.problem.AsClasses`. Where it rests on
    the same small forms as the head does, it is left out.

    Args:
        examples: The examples.
        score: Judges answers.
        seed: For the folds.
        progress: Who is told how far it is.
    """
    progress.start("plain baselines")
    found = [_constant(examples, score), _on_forms(examples, score, seed), _by_classes(examples, score, seed)]
    there = [candidate for candidate in found if candidate is not None]
    progress.finish(", ".join(candidate.name for candidate in there))
    return there


def _constant(examples: PooledExamples, score: Scorer) -> Candidate:
    constant = examples.problem.constant(examples.targets_of("train"))
    validation, test = (
        score(np.tile(constant, (len(examples.rows(split)), 1)), split) for split in ("validation", "test")
    )
    said = f"{examples.problem.in_words(constant)} for every {examples.base.modality.item_word}"
    return Candidate(CONSTANT, "constant", "baseline", detail=said, validation=validation, test=test)


def _on_forms(examples: PooledExamples, score: Scorer, seed: int) -> Candidate:
    begun = time.perf_counter()
    solved = solved_on(examples, examples.base.plain, seed=seed)
    name = examples.base.modality.plain_name
    candidate = Candidate(name, "plain", "baseline", seconds=time.perf_counter() - begun)
    return judged_on(candidate, solved, examples, examples.base.plain, score)


def _by_classes(examples: PooledExamples, score: Scorer, seed: int) -> Candidate | None:
    """The modality's plain model on the task as classes; ``None`` where it rests on the small forms."""
    begun = time.perf_counter()
    parts = examples.problem.as_classes(examples.targets, train=examples.rows("train"))
    telling = [part for part in parts if len(part.answers) > 1]
    if not telling:
        return None
    first = _fitted(examples, telling[0], seed)
    if first.name == examples.base.modality.plain_name:
        return None
    if len(telling) * len(examples.rows("train")) > MOST_FITTED:
        detail = f"a model for each of {len(telling)} labels would take too long"
        return Candidate(first.name, "plain", "baseline", "not run", detail)
    others = iter([_fitted(examples, part, seed) for part in telling[1:]])
    models = [
        _only_class() if len(part.answers) == 1 else first if part is telling[0] else next(others) for part in parts
    ]

    def answers(split: Split) -> NDArray[np.float64]:
        rows = examples.rows(split)
        return np.stack(
            [model.probabilities(rows) @ part.answers for model, part in zip(models, parts, strict=True)], axis=1
        )

    return Candidate(
        first.name,
        "plain",
        "baseline",
        "ok" if all(model.converged for model in models) else "not converged",
        f"{first.detail}; {telling[0].detail}",
        seconds=time.perf_counter() - begun,
        validation=score(answers("validation"), "validation"),
        test=score(answers("test"), "test"),
    )


def _fitted(examples: PooledExamples, part: AsClasses, seed: int) -> PlainModel:
    base, train = examples.base, examples.rows("train")
    problem = PlainProblem(
        base.arranged.items,
        base.plain,
        part.labels,
        train,
        groups=base.arranged.groups(train),
        classes=len(part.answers),
        seed=seed,
    )
    return base.modality.plain_model(problem)


def _only_class() -> PlainModel:
    return PlainModel("", "", True, lambda places: np.ones((len(places), 1)))
