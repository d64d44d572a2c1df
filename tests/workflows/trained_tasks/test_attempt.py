import time

import numpy as np
import pytest

from headstart.evaluation.intervals import Interval
from headstart.evaluation.summed import SummedScore
from headstart.training.frozen import FrozenProof
from headstart.training.records import EpochRecord, PhaseRecord
from headstart.transfer.task_training import Trained
from headstart.workflows.trained_tasks.attempt import seconds_of, transfer_attempt

EPOCHS = (EpochRecord(1.0, 0.9, 100.0), EpochRecord(0.5, 0.4, 100.0))
TRAINED = Trained("the network", (), (PhaseRecord(EPOCHS, 1, "as planned", "all 2 epochs", FrozenProof((), "")),))  # type: ignore[arg-type]
REACHED = SummedScore(np.zeros((1, 1)), {"f1": Interval(0.5, 0.4, 0.6)})


def test_an_attempt_has_the_figures_of_its_training() -> None:
    found = transfer_attempt(TRAINED, "lower", "partial", seconds=7.0, validation=REACHED)
    assert (found.candidate.name, found.candidate.strategy, found.candidate.kind) == ("lower", "partial", "transfer")
    assert (found.candidate.seconds, found.candidate.epochs, found.candidate.detail) == (7.0, 2, "all 2 epochs")
    assert found.candidate.validation is REACHED
    assert found.held_out_loss == 0.4


def test_letting_go_of_the_network_leaves_the_rest() -> None:
    found = transfer_attempt(TRAINED, "lower", "partial", seconds=7.0, validation=REACHED)
    light = found.without_network()
    assert light.trained is not None
    assert light.trained.network is None
    assert light.trained.records == TRAINED.records
    assert light.candidate is found.candidate


def test_seconds_of_an_earlier_process_count() -> None:
    assert seconds_of(TRAINED, begun=time.perf_counter()) == 200
    assert seconds_of(TRAINED, begun=time.perf_counter() - 300) == pytest.approx(300, abs=5)
