import math

import numpy as np
import pytest

from headstart.training.convergence import why_not_converged

CHANCE = math.log(10)


def curve(start: float, end: float, pace: float, epochs: int = 40) -> list[float]:
    """From start towards end; ``pace`` epochs bring it within a factor e."""
    return [end + (start - end) * math.exp(-epoch / pace) for epoch in range(epochs)]


def test_a_curve_that_has_flattened_has_converged() -> None:
    assert why_not_converged(curve(2.3, 0.3, 5), curve(2.3, 1.0, 5), chance=CHANCE) == ""


def test_a_curve_that_still_falls_has_not() -> None:
    slow = why_not_converged(curve(2.3, 0.3, 40), curve(2.3, 1.0, 40), chance=CHANCE)
    assert "of the gain on validation" in slow


def test_a_network_that_has_learned_nothing_has_not() -> None:
    flat = [CHANCE] * 40
    assert why_not_converged(flat, flat, chance=CHANCE) == "its training loss is 2.30, where guessing gives 2.30"


def test_where_the_training_examples_are_known_by_heart_nothing_is_left_to_learn() -> None:
    falling = curve(2.3, 1.0, 40)
    assert why_not_converged(curve(2.3, 0.0, 5), falling, chance=CHANCE) == ""
    assert why_not_converged(curve(2.3, 0.3, 5), falling, chance=CHANCE)


def test_overfitting_is_arriving() -> None:
    validation = curve(2.3, 1.0, 4, 10) + list(np.linspace(1.1, 3.0, 30))
    assert why_not_converged(curve(2.3, 0.3, 5), validation, chance=CHANCE) == ""


def test_labels_without_meaning_are_learned_by_heart_and_that_is_all() -> None:
    validation = [2.4, *np.linspace(2.5, 4.0, 39)]
    assert why_not_converged(curve(2.3, 0.1, 5), validation, chance=CHANCE) == ""


def test_a_loss_near_zero_may_keep_halving() -> None:
    validation = [2.0, 0.5, 0.1, 0.08, 0.06, 0.04, 0.02, 0.01]
    assert why_not_converged([0.3] * 8, validation, chance=CHANCE) == ""


def test_the_share_is_of_the_gain_over_chance() -> None:
    reason = why_not_converged([1.0] * 4, [2.0, 1.8, 1.6, 1.2], chance=2.0)
    assert reason == "the last quarter of the epochs still brought 50 % of the gain on validation"


@pytest.mark.parametrize("losses", [[], [1.0]])
def test_next_to_no_epochs_are_never_enough(losses: list[float]) -> None:
    assert why_not_converged(losses, losses, chance=CHANCE)


def test_one_that_never_beats_guessing_on_validation_has_not_arrived():
    assert "guessing gives 2.30" in why_not_converged([2.0, 1.5, 1.2, 1.0], [2.4, 2.5, 2.7, 2.9], chance=2.3)
    assert why_not_converged([2.0, 1.0, 0.3, 0.1], [2.4, 2.5, 2.7, 2.9], chance=2.3) == ""  # known by heart


def test_a_network_that_knows_its_examples_but_guesses_on_others_has_not_arrived() -> None:
    at_its_best_temperature = [CHANCE - 0.01] * 40
    found = why_not_converged(curve(2.3, 0.3, 5), at_its_best_temperature, chance=CHANCE)
    assert found == "its validation loss came down to 2.29, where guessing gives 2.30"
