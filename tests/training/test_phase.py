import pytest

from headstart.training.phase import LearningRates


def test_layer_wise_decay_multiplies_from_the_last_stage_down() -> None:
    rates = LearningRates(head=1.0, backbone=0.4, decay=0.5)
    assert [rates.of_stage(index, 4) for index in range(4)] == pytest.approx([0.05, 0.1, 0.2, 0.4])


def test_without_decay_all_stages_share_a_rate() -> None:
    assert {LearningRates(head=1.0, backbone=0.4).of_stage(index, 4) for index in range(4)} == {0.4}
