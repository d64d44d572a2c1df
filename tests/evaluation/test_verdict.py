import json

import numpy as np
import pytest

from headstart.core.errors import UsageError
from headstart.evaluation.verdict import Opponent, judge, not_judged


def models(both: int, gains: int, losses: int, neither: int) -> tuple[np.ndarray, Opponent]:
    right = np.repeat([True, True, False, False], [both, gains, losses, neither])
    opponent = np.repeat([True, False, True, False], [both, gains, losses, neither])
    return right, Opponent("raw pixels", opponent)


def test_transfer_helps() -> None:
    verdict = judge(*models(160, 22, 4, 14))
    assert (verdict.outcome, verdict.against) == ("helps", "raw pixels")
    assert verdict.low is not None and verdict.low > 0
    assert verdict.sentence == (
        "Transfer helps: 91.0 % against 82.0 % for the best model without it (raw pixels), +9.0 points (3.9 to 13.9)."
    )


def test_swapping_the_models_turns_helps_into_hurts() -> None:
    verdict, mirrored = judge(*models(160, 22, 4, 14)), judge(*models(160, 4, 22, 14))
    assert mirrored.outcome == "hurts"
    assert mirrored.sentence.startswith("Transfer hurts here: 82.0 % against 91.0 %")
    assert mirrored.difference == pytest.approx(-verdict.difference)
    assert mirrored.smallest_detectable == verdict.smallest_detectable


def test_no_difference_says_what_could_have_been_shown() -> None:
    verdict = judge(*models(41, 0, 0, 3))
    assert verdict.outcome == "no difference shown"
    assert verdict.sentence == (
        "No difference shown: 93.2 % against 93.2 % for the best model without it (raw pixels), +0.0 points "
        "(-6.0 to 6.0); this test split of 44 items could have shown a difference of about 17 points or more."
    )


def test_a_difference_between_groups_only_is_judged_by_groups() -> None:
    right, opponent = models(40, 20, 0, 0)
    assert judge(right, opponent).outcome == "helps"
    grouped = judge(right, opponent, groups=np.repeat(np.arange(3), 20))
    assert grouped.outcome == "no difference shown"
    assert grouped.smallest_detectable > judge(right, opponent).smallest_detectable
    assert grouped.warnings == ("The test split has only 3 groups: what holds for them may not hold for the next one.",)


def test_warnings_travel_along() -> None:
    assert judge(*models(40, 2, 2, 0), warnings=("seen before",)).warnings == ("seen before",)
    assert not_judged("no baseline converged", warnings=("seen before",)).warnings == ("seen before",)


def test_without_an_opponent_nothing_is_judged() -> None:
    verdict = not_judged("no model without pretraining converged")
    assert (verdict.outcome, verdict.against, verdict.difference) == ("not judged", None, None)
    assert verdict.sentence == "Not judged: no model without pretraining converged."
    with pytest.raises(UsageError, match="reason"):
        not_judged("")


@pytest.mark.parametrize("verdict", [judge(*models(5, 2, 1, 0)), not_judged("nothing ran")])
def test_a_verdict_becomes_json(verdict) -> None:
    values = json.loads(json.dumps(verdict.to_json(), allow_nan=False))
    assert {"outcome", "against", "difference", "low", "high", "warnings"} <= set(values)


def test_models_judged_on_different_items_are_refused() -> None:
    with pytest.raises(UsageError, match="same items"):
        judge(np.ones(3, dtype=bool), Opponent("raw pixels", np.ones(4, dtype=bool)))
