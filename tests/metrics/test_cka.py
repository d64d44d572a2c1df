import numpy as np
import pytest

from headstart.core.errors import UsageError
from headstart.metrics.cka import linear_cka


def hsic(gram: np.ndarray, other: np.ndarray) -> float:
    """The empirical Hilbert-Schmidt independence criterion, as Gretton et al. (2005) write it."""
    size = len(gram)
    centring = np.eye(size) - np.full((size, size), 1 / size)
    return np.trace(gram @ centring @ other @ centring) / (size - 1) ** 2


@pytest.mark.parametrize("shape", [(40, 7, 5), (12, 30, 20), (12, 5, 30), (12, 12, 12), (2, 1, 3)])
def test_cka_equals_normalised_hsic(shape: tuple[int, int, int]) -> None:
    generator = np.random.default_rng(sum(shape))
    items, wide, narrow = shape
    first = generator.normal(size=(items, wide)) + 3
    second = np.tanh(first[:, :1]) + generator.normal(size=(items, narrow))
    gram, other = first @ first.T, second @ second.T
    expected = hsic(gram, other) / np.sqrt(hsic(gram, gram) * hsic(other, other))
    assert linear_cka(first, second) == pytest.approx(expected, rel=1e-9)
    assert linear_cka(second, first) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("items", [9, 200])
def test_rotation_shift_and_scale_change_nothing(items: int) -> None:
    generator = np.random.default_rng(items)
    first, second = generator.normal(size=(items, 20)), generator.normal(size=(items, 20))
    rotation, _ = np.linalg.qr(generator.normal(size=(20, 20)))
    assert linear_cka(first, -1e-20 * first @ rotation + 5e-20) == pytest.approx(1)
    assert linear_cka(1e5 * first @ rotation - 4, second) == pytest.approx(linear_cka(first, second))


def test_a_scale_per_feature_does_change_it() -> None:
    first = np.random.default_rng(0).normal(size=(100, 4))
    assert linear_cka(first, first * [10, 1, 1, 1]) < 0.9


def test_unrelated_features_of_many_items_are_unlike() -> None:
    generator = np.random.default_rng(0)
    assert linear_cka(generator.normal(size=(2000, 4)), generator.normal(size=(2000, 4))) < 0.01


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e30])
def test_a_constant_representation_has_no_cka(constant: float) -> None:
    features = np.random.default_rng(0).normal(size=(7, 3))
    assert linear_cka(features, np.full((7, 2), constant)) is None
    assert linear_cka(np.full((7, 2), constant), features) is None


def test_half_precision_is_computed_in_double() -> None:
    features = 300 * np.random.default_rng(0).normal(size=(50, 400)).astype(np.float16)
    assert linear_cka(features, features) == pytest.approx(1)


@pytest.mark.parametrize(
    ("first", "second", "match"),
    [
        (np.ones((3, 2)), np.ones((4, 2)), "same items"),
        (np.ones(3), np.ones((3, 2)), "same items"),
        (np.ones((0, 2)), np.ones((0, 2)), "same items"),
        (np.array([[1.0], [np.nan]]), np.ones((2, 1)), "NaN"),
        (np.ones((2, 1)), np.array([[1.0], [np.inf]]), "infinity"),
    ],
)
def test_what_are_no_features_of_the_same_items_is_refused(first, second, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        linear_cka(first, second)
