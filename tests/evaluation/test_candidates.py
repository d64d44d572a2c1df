import json

import numpy as np
import pytest

from headstart.core.errors import UsageError
from headstart.evaluation.candidates import Candidate, strongest
from headstart.evaluation.scorecard import Scorecard, score


def scorecard(*, right: int, sure: float = 0.9) -> Scorecard:
    labels = np.zeros(10, dtype=np.int64)
    probabilities = np.tile([sure, 1 - sure], (10, 1))
    probabilities[right:] = probabilities[right:, ::-1]
    return score(labels, probabilities)


def candidate(name: str, **fields) -> Candidate:
    return Candidate(name, strategy="scratch", kind="baseline", **fields)


def test_the_strongest_is_the_most_accurate_on_validation_whatever_the_test_says() -> None:
    weak = candidate("weak", validation=scorecard(right=7), test=scorecard(right=10))
    strong = candidate("strong", validation=scorecard(right=8), test=scorecard(right=2))
    assert strongest([weak, strong]) is strong


def test_ties_go_to_the_lower_log_loss_and_then_to_the_first() -> None:
    unsure = candidate("unsure", validation=scorecard(right=9, sure=0.6))
    sure = candidate("sure", validation=scorecard(right=9, sure=0.9))
    twin = candidate("twin", validation=scorecard(right=9, sure=0.9))
    assert strongest([unsure, sure, twin]) is sure


@pytest.mark.parametrize("status", ["not converged", "not run", "failed"])
def test_what_did_not_converge_is_never_compared_with(status) -> None:
    unfinished = candidate("unfinished", status=status, validation=scorecard(right=10))
    finished = candidate("finished", validation=scorecard(right=5))
    assert strongest([unfinished, finished]) is finished
    assert strongest([unfinished]) is None


def test_a_converged_candidate_without_validation_is_refused() -> None:
    with pytest.raises(UsageError, match="got none for raw pixels"):
        strongest([candidate("raw pixels")])


def test_the_row_in_metrics_json_has_metrics_and_no_probabilities() -> None:
    row = candidate(
        "small network", seconds=3.5, budget_seconds=60.0, epochs=12, validation_probabilities=np.eye(2),
        validation=scorecard(right=9),
    ).to_json()  # fmt: skip
    assert list(json.loads(json.dumps(row, allow_nan=False))) == [
        "name", "strategy", "kind", "status", "detail", "seconds", "budget_seconds", "epochs", "validation", "test",
    ]  # fmt: skip
    assert row["validation"]["accuracy"]["value"] == 0.9
    assert row["test"] is None
