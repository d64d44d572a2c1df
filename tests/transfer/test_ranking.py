"""Ranks with intervals: what they cover, what they call a tie, and the halves they rest on."""

import numpy as np
import pytest

from headstart.transfer.ranking import means_over, random_halves, standings, stratified_order


def intervals(values, resampled):
    return [(one.rank, one.low, one.high) for one in standings(np.array(values), np.asarray(resampled))]


def noisy(values, *, error, resamples=400, seed=0):
    return np.array(values) + np.random.default_rng(seed).normal(0, error, (resamples, len(values)))


def test_far_apart_each_rank_is_certain():
    values = [0.3, 0.9, 0.6]
    assert intervals(values, noisy(values, error=0.01)) == [(3, 3, 3), (1, 1, 1), (2, 2, 2)]


def test_close_together_they_are_tied():
    values = [0.90, 0.91, 0.92, 0.30]
    found = standings(np.array(values), noisy(values, error=0.05))
    assert [one.tied_with_best for one in found] == [True, True, True, False]
    assert [(one.low, one.high) for one in found] == [(1, 3)] * 3 + [(4, 4)]


def test_what_all_candidates_share_is_no_doubt():
    """A hard half is hard for everybody: only differences count."""
    values = np.array([0.80, 0.82])
    shared = np.random.default_rng(0).normal(0, 0.1, (400, 1))
    own = np.random.default_rng(1).normal(0, 0.002, (400, 2))
    assert intervals(values, values + shared + own) == [(2, 2, 2), (1, 1, 1)]


def test_lower_scores_on_halves_are_no_difference():
    values = [0.7, 0.8, 0.9]
    resampled = noisy(values, error=0.01)
    np.testing.assert_array_equal(intervals(values, resampled), intervals(values, resampled - [0.3, 0.2, 0.05]))


def test_the_order_of_candidates_is_of_no_account():
    random = np.random.default_rng(3)
    values, order = random.normal(size=7), random.permutation(7)
    resampled = values + random.normal(0, 0.5, (200, 7))
    ours = standings(values, resampled)
    assert standings(values[order], resampled[:, order]) == [ours[place] for place in order]


def test_equal_scores_share_a_rank_and_nothing_varying_is_certain():
    still = np.tile([0.5, 0.5, 0.1], (50, 1))
    assert intervals([0.5, 0.5, 0.1], still) == [(1, 1, 2), (1, 1, 2), (3, 3, 3)]
    assert intervals([0.5], still[:, :1]) == [(1, 1, 1)]


@pytest.mark.parametrize("true", [[0.5] * 5, [0.1, 0.2, 0.3, 0.4, 0.5]])
def test_intervals_cover_the_true_ranks(true):
    """Data drawn anew many times: each candidate's true ranks lie in its interval nearly always."""
    random, true = np.random.default_rng(0), np.array(true)
    best = 1 + (true[None] > true[:, None]).sum(axis=1)
    worst = len(true) - (true[None] < true[:, None]).sum(axis=1)
    covered = np.zeros(len(true))
    for repeat in range(200):
        examples = random.normal(true, 1.0, (80, len(true)))
        halves = random_halves(np.zeros(80, dtype=np.int64), count=600, seed=repeat)
        resampled = np.stack([means_over(halves, column) for column in examples.T], axis=1)
        found = standings(examples.mean(axis=0), resampled)
        covered += [one.low <= low and high <= one.high for one, low, high in zip(found, best, worst, strict=True)]
    assert covered.mean() / 200 >= 0.93


def test_a_mean_over_halves_varies_as_over_new_data():
    random = np.random.default_rng(0)
    values = random.normal(size=500)
    labels = np.zeros(500, dtype=np.int64)
    spread = means_over(random_halves(labels, count=2000, seed=1), values).std()
    assert spread == pytest.approx(values.std() / np.sqrt(500), rel=0.05)


def test_halves_hold_half_of_every_class():
    labels = np.repeat([0, 1, 2], [40, 20, 7])
    halves = random_halves(labels, count=10, seed=0)
    assert halves.shape == (10, 67)
    for half in halves:
        np.testing.assert_allclose(np.bincount(labels[half]), [20, 10, 3.5], atol=0.5)
    np.testing.assert_array_equal(halves[0], ~halves[1])
    assert len({half.tobytes() for half in halves}) == 10
    np.testing.assert_array_equal(halves, random_halves(labels, count=10, seed=0))
    assert random_halves(labels, count=3, seed=0).shape == (3, 67)


def test_a_group_is_never_divided():
    labels = np.repeat([0, 1], 30)
    groups = [f"group {place // 5}" for place in range(60)]
    for half in random_halves(labels, count=20, groups=groups, seed=2):
        assert {int(half[start : start + 5].sum()) for start in range(0, 60, 5)} == {0, 5}


def test_every_beginning_of_the_order_is_stratified():
    random = np.random.default_rng(0)
    labels = random.permutation(np.repeat([0, 1, 2], [300, 100, 5]))
    order = stratified_order(labels, [random.bytes(8) for _ in labels])
    assert sorted(order) == list(range(405))
    np.testing.assert_array_equal(np.bincount(labels[order[:12]]), [4, 4, 4])
    np.testing.assert_allclose(np.bincount(labels[order[:200]]), [148, 49, 4], atol=2)


def test_a_new_example_moves_no_other_in_the_order():
    random = np.random.default_rng(1)
    labels = random.integers(0, 3, 60)
    draws = [random.bytes(8) for _ in labels]
    before = [place for place in stratified_order(labels[:-1], draws[:-1]) if labels[place] == 0]
    after = [place for place in stratified_order(labels, draws) if labels[place] == 0 and place != 59]
    assert before == after
