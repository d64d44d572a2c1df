import json

from headstart.training.frozen import FrozenProof
from headstart.training.records import EpochRecord, PhaseRecord
from headstart.training.state import TrainingState

PROOF = FrozenProof(("stem", "middle"), "0" * 64)
EPOCH = EpochRecord(0.1 + 0.2, 1 / 3, 2.5)


def record(ending: str = "as planned") -> PhaseRecord:
    return PhaseRecord((EPOCH, EPOCH), None, ending, "the reason", PROOF, accumulation=4)  # type: ignore[arg-type]


def test_it_survives_json_to_the_last_bit() -> None:
    state = TrainingState([record()], [EPOCH], 3, 17, 1 / 7, 0.5, 4, PROOF)
    assert TrainingState.from_json(json.loads(json.dumps(state.to_json()))) == state
    assert TrainingState.from_json(TrainingState().to_json()) == TrainingState()


def test_epochs_and_phases_are_counted_by_what_has_ended() -> None:
    state = TrainingState(step=3, steps=3, loss_sum=1.5, seconds=2.0, accumulation=2, frozen=PROOF)
    state.end_epoch(EPOCH)
    assert (state.phase, state.epoch, state.step, state.loss_sum, state.seconds) == (0, 1, 0, 0.0, 0.0)
    state.step = 2
    state.end_phase(record())
    assert (state.phase, state.epoch, state.step, state.steps, state.frozen) == (1, 0, 0, 3, None)
    assert state.accumulation == 2


def test_a_training_has_ended_with_its_plan_or_with_something_not_finite() -> None:
    assert not TrainingState().has_ended(1)
    assert TrainingState().has_ended(0)
    assert not TrainingState([record()]).has_ended(2)
    assert TrainingState([record(), record("early stopping")]).has_ended(2)
    assert TrainingState([record("not finite")]).has_ended(2)
