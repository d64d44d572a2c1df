import numpy as np
import pytest
from scipy import stats

from headstart.core.errors import UsageError
from headstart.evaluation.intervals import Interval
from headstart.evaluation.paired import discordance, paired_difference, smallest_detectable_difference


def interval_of(gains: int, losses: int, total: int) -> Interval:
    right, opponent = np.zeros(total, dtype=bool), np.zeros(total, dtype=bool)
    right[:gains] = True
    opponent[gains : gains + losses] = True
    return paired_difference(right, opponent)


def all_outcomes(total: int) -> tuple[np.ndarray, list[Interval]]:
    """Every (only the model right, only the opponent right, neither or both), and its interval."""
    counts = [(b, c, total - b - c) for b in range(total + 1) for c in range(total + 1 - b)]
    return np.array(counts), [interval_of(b, c, total) for b, c, _ in counts]


@pytest.mark.parametrize("total", [10, 22, 44])
def test_the_paired_interval_covers_the_true_difference(total: int) -> None:
    """Exact coverage, by adding up the probabilities of all outcomes whose interval holds the difference."""
    counts, intervals = all_outcomes(total)
    coverage, width = [], []
    for disagreement in (0.05, 0.1, 0.2, 0.4):
        for difference in (0.0, disagreement / 2, 0.9 * disagreement):
            gains, losses = (disagreement + difference) / 2, (disagreement - difference) / 2
            chances = stats.multinomial.pmf(counts, total, [gains, losses, 1 - disagreement])
            coverage.append(sum(p for p, i in zip(chances, intervals, strict=True) if i.low <= difference <= i.high))
            width.append(sum(p * (i.high - i.low) for p, i in zip(chances, intervals, strict=True)))
            if difference == 0:
                assert coverage[-1] >= 0.945  # a verdict without a cause is rare
    assert np.mean(coverage) >= 0.95
    assert min(coverage) >= 0.90
    assert np.mean(width) < 2.5 / total**0.5


def test_swapping_the_models_mirrors_the_interval() -> None:
    one, other = interval_of(7, 2, 40), interval_of(2, 7, 40)
    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low))


def test_only_the_items_on_which_they_differ_say_which_is_better() -> None:
    generator = np.random.default_rng(0)
    right, opponent = generator.random((2, 50)) < 0.6
    agreed = right == opponent
    assert paired_difference(right & ~agreed, opponent & ~agreed) == paired_difference(right, opponent)


def test_models_that_never_differ_may_still_differ_elsewhere() -> None:
    interval = interval_of(0, 0, 44)
    assert interval.value == 0
    assert interval.high == -interval.low == pytest.approx(0.0602, abs=1e-3)


@pytest.mark.parametrize(("count", "size"), [(6, 10), (12, 15), (30, 5)])
def test_a_grouped_difference_covers_the_truth(count: int, size: int) -> None:
    generator = np.random.default_rng(0)
    groups = np.repeat(np.arange(count), size)
    covered = 0
    for _ in range(300):
        chances = generator.dirichlet([1.5, 0.5, 8.0], size=count)  # gains 0.15, losses 0.05 on average
        outcomes = np.concatenate([generator.choice(3, size=size, p=p) for p in chances])
        interval = paired_difference(outcomes == 0, outcomes == 1, groups=groups)
        covered += interval.low <= 0.1 <= interval.high
    assert covered / 300 >= 0.93


def test_a_single_group_shows_nothing() -> None:
    interval = paired_difference(np.ones(50, dtype=bool), np.zeros(50, dtype=bool), groups=np.zeros(50))
    assert interval.low < 0


def test_discordance_counts_the_items_on_which_they_differ() -> None:
    assert discordance(np.array([True, True, False]), np.array([True, False, True])) == pytest.approx(2 / 3)


@pytest.mark.parametrize(("total", "disagreement"), [(44, 0.2), (44, 0.4), (100, 0.15), (100, 0.02)])
def test_the_smallest_detectable_difference_is_shown_in_four_of_five_splits(total: int, disagreement: float) -> None:
    """The exact power of the interval that is used, at the difference that is promised."""
    difference = smallest_detectable_difference(total, disagreement)
    disagreement = max(disagreement, difference)
    gains, losses = (disagreement + difference) / 2, (disagreement - difference) / 2
    counts, intervals = all_outcomes(total)
    chances = stats.multinomial.pmf(counts, total, [gains, losses, 1 - gains - losses])
    assert 0.72 < sum(p for p, i in zip(chances, intervals, strict=True) if i.low > 0) < 0.93


def test_more_items_and_fewer_disagreements_show_smaller_differences() -> None:
    by_size = [smallest_detectable_difference(size, 0.2) for size in (20, 50, 200, 5000)]
    by_disagreement = [smallest_detectable_difference(200, share) for share in (0.4, 0.2, 0.1, 0.05)]
    assert by_size == sorted(by_size, reverse=True)
    assert by_disagreement == sorted(by_disagreement, reverse=True)


def test_no_disagreement_seen_does_not_promise_to_show_everything() -> None:
    assert smallest_detectable_difference(44, 0.0) == pytest.approx(0.169, abs=0.001)
    assert smallest_detectable_difference(1, 0.0) <= 1.0


def test_models_judged_on_different_items_are_refused() -> None:
    with pytest.raises(UsageError, match="same items"):
        paired_difference(np.ones(3, dtype=bool), np.ones(4, dtype=bool))
    with pytest.raises(UsageError, match="positive `size`"):
        smallest_detectable_difference(0, 0.5)
