"""What every registered score must do: a new one is tested by being registered."""

from dataclasses import replace

import numpy as np
import pytest
from tests.transfer.scores.evidence import drawn

from headstart.core.errors import UnknownNameError, UsageError
from headstart.transfer.scores.contract import DEFAULT_SCORE, SCORES, Evidence

#: Its folds follow the order of examples and classes, so that it moves by chance where they do.
BY_FOLDS = {"probe"}


@pytest.fixture(params=list(SCORES))
def score(request):
    return SCORES[request.param]


def test_is_registered_under_its_own_name_and_says_where_it_is_from(score):
    assert SCORES[score.name] is score
    assert score.label
    assert any(character.isdigit() for character in score.paper)


def test_the_default_is_registered_and_needs_features_alone():
    assert not SCORES[DEFAULT_SCORE].needs_source_head


def test_an_unknown_score_is_named_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'logme'"):
        SCORES["logmee"]


def test_prefers_features_that_tell_the_classes_apart(score):
    values = [score.compute(drawn(signal=signal, examples=200)) for signal in (0.0, 0.4, 1.5)]
    assert values == sorted(values)
    assert values[0] < values[1] < values[2]


@pytest.mark.parametrize("name", [name for name in SCORES if SCORES[name].per_example])
def test_is_the_mean_of_what_it_says_of_each_example(name):
    score, evidence = SCORES[name], drawn()
    values = score.per_example(evidence)
    assert values.shape == evidence.labels.shape
    assert score.compute(evidence) == pytest.approx(values.mean(), rel=1e-12)


def test_rotating_the_features_changes_nothing(score):
    evidence = drawn()
    rotation = np.linalg.qr(np.random.default_rng(1).standard_normal((12, 12)))[0]
    turned = replace(evidence, features=(evidence.features @ rotation).astype(np.float32))
    assert score.compute(turned) == pytest.approx(score.compute(evidence), rel=1e-4)


@pytest.mark.parametrize("factor", [1e-3, 50.0])
def test_the_scale_of_the_features_changes_nothing(score, factor):
    evidence = drawn()
    scaled = replace(evidence, features=evidence.features * np.float32(factor))
    assert score.compute(scaled) == pytest.approx(score.compute(evidence), rel=1e-4)


def test_renaming_the_classes_changes_nothing(score):
    evidence = drawn(examples=200)
    renamed = replace(evidence, labels=np.array([2, 0, 3, 1])[evidence.labels])
    chance = 0.05 if score.name in BY_FOLDS else 1e-6
    assert score.compute(renamed) == pytest.approx(score.compute(evidence), rel=chance)


def test_the_order_of_the_examples_changes_nothing(score):
    evidence = drawn(examples=200)
    shuffled = evidence.select(np.random.default_rng(2).permutation(200))
    chance = 0.05 if score.name in BY_FOLDS else 1e-6
    assert score.compute(shuffled) == pytest.approx(score.compute(evidence), rel=chance)


def test_computing_it_twice_gives_the_same_and_leaves_the_evidence_alone(score):
    evidence = drawn()
    before = evidence.features.copy()
    assert score.compute(evidence) == score.compute(evidence)
    np.testing.assert_array_equal(evidence.features, before)


@pytest.mark.parametrize("dim", [3, 150])
def test_a_class_without_examples_is_no_obstacle(score, dim):
    """As in a half-sample; there may be more features than examples, too."""
    evidence = drawn(dim=dim)
    assert np.isfinite(score.compute(replace(evidence, classes=7)))
    assert np.isfinite(score.compute(evidence.select(np.flatnonzero(evidence.labels != 1))))


def test_features_that_say_nothing_at_all_have_a_score_too(score):
    evidence = drawn()
    for constant in (0.0, 1.0):
        same = replace(evidence, features=np.full_like(evidence.features, constant))
        assert np.isfinite(score.compute(same))


def test_what_needs_a_source_head_does_not_exist_without_one(score):
    evidence = replace(drawn(), source_probabilities=None)
    assert score.exists_for(evidence) is not score.needs_source_head
    if score.needs_source_head:
        with pytest.raises(UsageError, match="none"):
            score.compute(evidence)


def test_arrays_that_do_not_fit_are_refused_together():
    with pytest.raises(UsageError) as raised:
        Evidence(np.ones((4, 2), np.float32), np.array([0, 1, 5]), 2, np.ones((3, 2)))
    assert all(word in str(raised.value) for word in ("`labels`", "0 .. 1", "`source_probabilities`"))
    with pytest.raises(UsageError, match="2 `classes` or more"):
        Evidence(np.ones((4, 2), np.float32), np.zeros(4, np.int64), 1)


def test_selecting_keeps_rows_together():
    evidence = drawn()
    chosen = evidence.select(np.array([5, 2]))
    np.testing.assert_array_equal(chosen.features, evidence.features[[5, 2]])
    np.testing.assert_array_equal(chosen.source_probabilities, evidence.source_probabilities[[5, 2]])
    assert chosen.labels.tolist() == evidence.labels[[5, 2]].tolist()
