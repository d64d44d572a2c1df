"""The batched solver against scikit-learn, and what must not change its answer."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from headstart.features import principal_axes as axes_module
from headstart.features import solver
from headstart.features.principal_axes import principal_axes, rotated
from headstart.features.rows import ArrayRows
from headstart.features.solver import solve


def blobs(rows=120, dim=12, classes=3, *, seed=0):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, rows)
    centres = generator.normal(0, 1.0, (classes, dim))
    features = centres[labels] + generator.normal(0, 1.5, (rows, dim)) * np.linspace(0.1, 3, dim)
    return (features + 5).astype(np.float32), labels.astype(np.int64)


def solve_on_features(features, labels, strengths, members, *, classes=3, tolerance=1e-5):
    """Weights ``(P, D, C)`` and bias ``(P, C)`` on the features themselves, and the scale of the penalty."""
    axes = principal_axes(ArrayRows(features))
    solution = solve(
        rotated(ArrayRows(features), axes),
        labels,
        classes=classes,
        strengths=np.asarray(strengths, dtype=np.float64),
        members=members,
        variances=axes.variances,
        tolerance=tolerance,
    )
    assert solution.converged.all()
    return [axes.to_features(w, b) for w, b in zip(solution.coefficients, solution.bias, strict=True)], axes


@pytest.mark.parametrize("strength", [0.1, 1.0, 30.0, 1000.0])
@pytest.mark.parametrize("shape", [(120, 12), (30, 200)], ids=["more rows", "more features"])
def test_equals_scikit_learn(strength, shape):
    features, labels = blobs(*shape)
    everything = np.ones((1, len(labels)), dtype=bool)
    [(weights, bias)], axes = solve_on_features(features, labels, [strength], everything)
    # The penalty is on weights of features divided by `axes.scale`.
    oracle = LogisticRegression(C=1 / strength, tol=1e-9, max_iter=20_000)
    oracle.fit((features.astype(np.float64) - axes.mean) / axes.scale, labels)
    ours = features @ weights + bias
    theirs = oracle.decision_function((features.astype(np.float64) - axes.mean) / axes.scale)
    ours = ours - ours.mean(axis=1, keepdims=True)
    theirs = theirs - theirs.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(ours, theirs, atol=2e-3 * np.abs(theirs).max() + 1e-3)


def test_a_batch_is_the_same_as_its_problems_one_by_one():
    features, labels = blobs()
    members = np.random.default_rng(1).random((4, len(labels))) < 0.7
    strengths = [0.5, 5.0, 50.0, 500.0]
    together, _ = solve_on_features(features, labels, strengths, members)
    for problem, (weights, bias) in enumerate(together):
        [(alone, alone_bias)], _ = solve_on_features(
            features, labels, strengths[problem : problem + 1], members[problem : problem + 1]
        )
        np.testing.assert_allclose(features @ weights + bias, features @ alone + alone_bias, atol=5e-3)


def test_rows_outside_a_problem_have_no_part_in_it():
    features, labels = blobs()
    members = np.zeros((1, len(labels)), dtype=bool)
    members[0, :60] = True
    axes = principal_axes(ArrayRows(features))
    coordinates = axes.rotate(features)
    settings = {"classes": 3, "strengths": np.array([3.0]), "variances": axes.variances, "tolerance": 1e-5}
    part = solve(ArrayRows(coordinates), labels, members=members, **settings)
    alone = solve(ArrayRows(coordinates[:60]), labels[:60], members=np.ones((1, 60), bool), **settings)
    np.testing.assert_allclose(part.coefficients, alone.coefficients, atol=2e-3)


def test_chunks_and_groups_do_not_change_the_answer(monkeypatch):
    features, labels = blobs()
    members = np.ones((3, len(labels)), dtype=bool)
    whole, _ = solve_on_features(features, labels, [1.0, 10.0, 100.0], members)
    monkeypatch.setattr(solver, "CHUNK_BYTES", 4096)
    monkeypatch.setattr(solver, "MOST_STATE_BYTES", 1)
    pieces, _ = solve_on_features(features, labels, [1.0, 10.0, 100.0], members)
    for (weights, bias), (other, other_bias) in zip(whole, pieces, strict=True):
        np.testing.assert_allclose(features @ weights + bias, features @ other + other_bias, atol=5e-3)


def test_a_rotation_of_the_features_changes_no_logit():
    features, labels = blobs()
    everything = np.ones((1, len(labels)), dtype=bool)
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(12, 12)))[0].astype(np.float32)
    [(weights, bias)], _ = solve_on_features(features, labels, [4.0], everything)
    [(turned, turned_bias)], _ = solve_on_features(features @ turn, labels, [4.0], everything)
    np.testing.assert_allclose(features @ weights + bias, features @ turn @ turned + turned_bias, atol=1e-2)


def test_separable_rows_and_no_penalty_end_without_nan():
    features = np.repeat(np.eye(3, dtype=np.float32), 5, axis=0)
    labels = np.repeat(np.arange(3), 5)
    axes = principal_axes(ArrayRows(features))
    solution = solve(
        ArrayRows(axes.rotate(features)),
        labels,
        classes=3,
        strengths=np.array([0.0, 1e-6]),
        members=np.ones((2, 15), bool),
        variances=axes.variances,
    )
    assert np.isfinite(solution.coefficients).all()


@pytest.mark.parametrize("shape", [(50, 20), (20, 50)])
def test_principal_axes_equal_those_of_the_singular_value_decomposition(shape):
    features = np.random.default_rng(0).normal(size=shape).astype(np.float32) * np.arange(1, shape[1] + 1)
    axes = principal_axes(ArrayRows(features.astype(np.float32)))
    centred = features - features.mean(axis=0)
    singular = np.linalg.svd(centred, compute_uv=False)
    rank = min(shape[1], shape[0] - 1)
    expected = singular[:rank] ** 2 / shape[0] / axes.scale**2
    np.testing.assert_allclose(axes.variances[:rank], expected, rtol=1e-3)
    np.testing.assert_allclose(axes.axes.T @ axes.axes, np.eye(axes.axes.shape[1]), atol=1e-4)


def test_the_leading_axes_hold_what_the_exact_ones_hold():
    generator = np.random.default_rng(0)
    features = (generator.normal(size=(300, 10)) @ generator.normal(size=(10, 100))).astype(np.float32)
    exact = principal_axes(ArrayRows(features))
    leading = principal_axes(ArrayRows(features), most=8)
    assert leading.axes.shape == (100, 8)
    np.testing.assert_allclose(leading.variances, exact.variances[:8], rtol=1e-2)


def test_constant_features_have_no_axes_and_give_the_class_shares():
    features = np.ones((10, 4), dtype=np.float32)
    labels = np.array([0] * 7 + [1] * 3)
    axes = principal_axes(ArrayRows(features))
    assert axes.axes.shape[1] == 0
    solution = solve(
        ArrayRows(axes.rotate(features)),
        labels,
        classes=2,
        strengths=np.array([1.0]),
        members=np.ones((1, 10), bool),
        variances=axes.variances,
        tolerance=1e-6,
    )
    probabilities = np.exp(solution.bias[0]) / np.exp(solution.bias[0]).sum()
    np.testing.assert_allclose(probabilities, [0.7, 0.3], atol=1e-3)


def test_many_rows_are_rotated_into_a_file_in_half_precision(monkeypatch):
    features, _ = blobs()
    axes = principal_axes(ArrayRows(features))
    in_memory = rotated(ArrayRows(features), axes).array
    monkeypatch.setattr(axes_module, "MOST_ROTATED_BYTES", 1)
    in_file = rotated(ArrayRows(features), axes).array
    assert isinstance(in_file, np.memmap)
    assert in_file.dtype == np.float16
    np.testing.assert_allclose(in_file, in_memory, rtol=2e-3, atol=2e-3)
