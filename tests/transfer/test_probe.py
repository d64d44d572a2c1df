"""The probe: settings from out-of-fold logits, probabilities that mean what they say."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegressionCV

from headstart.features.rows import ArrayRows
from headstart.transfer import probe
from headstart.transfer.heads import LinearHead, MlpHead, read_head
from headstart.transfer.probe import fit_probe


@pytest.fixture(scope="module")
def digits():
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    pixels, labels = pixels[order].astype(np.float32), labels[order].astype(np.int64)
    return pixels[:600], labels[:600], pixels[600:], labels[600:]


def test_reaches_what_scikit_learn_reaches_with_cross_validation(digits):
    train, train_labels, test, test_labels = digits
    fitted = fit_probe(ArrayRows(train), train_labels, classes=10)
    ours = (fitted.head.probabilities(ArrayRows(test)).argmax(axis=1) == test_labels).mean()
    oracle = LogisticRegressionCV(
        Cs=6, cv=3, max_iter=2000, scoring="neg_log_loss", l1_ratios=(0,), use_legacy_attributes=False
    )
    theirs = oracle.fit(train / 16, train_labels).score(test / 16, test_labels)
    assert ours >= theirs - 0.01
    assert fitted.converged


def test_the_chosen_strength_has_the_smallest_out_of_fold_loss(digits):
    train, labels, *_ = digits
    fitted = fit_probe(ArrayRows(train[:200]), labels[:200], classes=10)
    assert fitted.strength == min(fitted.tried, key=lambda row: row.log_loss).strength
    assert fitted.tried[0].strength < fitted.strength < fitted.tried[-1].strength


def test_out_of_fold_accuracy_is_no_resubstitution(digits):
    """Random labels cannot be predicted for examples that were not seen, however well the seen ones are fitted."""
    train, *_ = digits
    labels = np.random.default_rng(0).integers(0, 10, 300)
    fitted = fit_probe(ArrayRows(train[:300]), labels, classes=10)
    assert max(row.accuracy for row in fitted.tried) < 0.2
    assert min(row.log_loss for row in fitted.tried) > np.log(10) - 0.05


def test_scaling_and_shifting_the_features_changes_nothing(digits):
    train, labels, test, _ = digits
    plain = fit_probe(ArrayRows(train[:200]), labels[:200], classes=10)
    moved = fit_probe(ArrayRows(train[:200] * 7 + 3), labels[:200], classes=10)
    assert moved.strength == pytest.approx(plain.strength)
    np.testing.assert_allclose(
        moved.head.probabilities(ArrayRows(test[:50] * 7 + 3)),
        plain.head.probabilities(ArrayRows(test[:50])),
        atol=0.02,
    )


def test_a_group_never_helps_to_judge_itself():
    """Ten copies of each row under one group: with copies in other folds the probe would look perfect."""
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(30, 50)).astype(np.float32)
    labels = generator.integers(0, 2, 30)
    features, repeated = np.repeat(rows, 10, axis=0), np.repeat(labels, 10)
    groups = [str(row) for row in np.repeat(np.arange(30), 10)]
    leaking = fit_probe(ArrayRows(features), repeated, classes=2)
    honest = fit_probe(ArrayRows(features), repeated, classes=2, groups=groups)
    assert max(row.accuracy for row in leaking.tried) > 0.95
    assert max(row.accuracy for row in honest.tried) < 0.8


def test_many_rows_choose_on_a_sample_and_fit_on_all(digits, monkeypatch):
    train, labels, test, test_labels = digits
    monkeypatch.setattr(probe, "MOST_ROWS_FOR_CHOICE", 200)
    fitted = fit_probe(ArrayRows(train), labels, classes=10)
    whole = (fitted.head.probabilities(ArrayRows(test)).argmax(axis=1) == test_labels).mean()
    part = fit_probe(ArrayRows(train[:200]), labels[:200], classes=10)
    assert whole > (part.head.probabilities(ArrayRows(test)).argmax(axis=1) == test_labels).mean()


@pytest.mark.parametrize("head", ["linear", "mlp"])
def test_heads_survive_being_saved(head):
    generator = np.random.default_rng(0)

    def draw(*shape):
        return generator.normal(size=shape).astype(np.float32)

    made = (
        LinearHead(draw(3, 5), draw(3), 1.7)
        if head == "linear"
        else MlpHead((draw(7, 5), draw(7)), (draw(3, 7), draw(3)), 0.6)
    )
    back = read_head(made.tensors(), {"head": head, "temperature": made.temperature})
    rows = ArrayRows(draw(4, 5))
    np.testing.assert_array_equal(back.probabilities(rows), made.probabilities(rows))
    np.testing.assert_allclose(made.probabilities(rows).sum(axis=1), 1)
