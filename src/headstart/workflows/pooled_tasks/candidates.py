"""Heads that are solved on what is there already, such as frozen features, as candidates."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from headstart.core.progress import Progress
from headstart.data.items import Split
from headstart.evaluation.candidates import Candidate
from headstart.evaluation.summed import SummedScore
from headstart.features.rows import SelectableRows
from headstart.workflows.fitted import Fitted, on_frozen_features
from headstart.workflows.pooled_tasks.examples import PooledExamples
from headstart.workflows.pooled_tasks.problem import SolvedHead, outputs_of

#: Answers for a split, judged.
Scorer = Callable[[NDArray[np.float64], Split], SummedScore]

PROBE = "linear probe"


def linear_probe(examples: PooledExamples, score: Scorer, *, seed: int, progress: Progress) -> Fitted:
    """The head that is solved on frozen features, scored on validation and test.

    Args:
        examples: The examples.
        score: Judges answers.
        seed: For the folds.
        progress: Who is told how far it is.
    """
    progress.start("probe")
    begun = time.perf_counter()
    solved = solved_on(examples, examples.base.top, seed=seed)
    progress.finish(solved.detail)
    candidate = Candidate(PROBE, "probe", "transfer", seconds=time.perf_counter() - begun)
    candidate = judged_on(candidate, solved, examples, examples.base.top, score)
    return on_frozen_features(examples.base, solved.head, candidate=candidate, facts={"head": "linear", **solved.facts})


def solved_on(examples: PooledExamples, features: SelectableRows, *, seed: int) -> SolvedHead:
    """The head that suits the training examples.

    Args:
        examples: The examples.
        features: One row for each of them, of whatever kind.
        seed: For the folds.
    """
    train = examples.rows("train")
    return examples.problem.solve(
        features.select(train),
        examples.targets[train],
        strata=examples.base.arranged.labels[train],
        groups=examples.base.arranged.groups(train),
        seed=seed,
    )


def judged_on(
    candidate: Candidate, solved: SolvedHead, examples: PooledExamples, features: SelectableRows, score: Scorer
) -> Candidate:
    """A candidate with what its head reached on validation and test.

    Args:
        candidate: Name, strategy, kind and seconds.
        solved: Its head.
        examples: The examples.
        features: The rows that the head was solved on.
        score: Judges answers.
    """

    def reached(split: Split) -> SummedScore:
        outputs = outputs_of(solved.head, features.select(examples.rows(split)))
        return score(examples.problem.answers(outputs), split)

    return replace(
        candidate,
        status="ok" if solved.converged else "not converged",
        detail=solved.detail,
        validation=reached("validation"),
        test=reached("test"),
    )
