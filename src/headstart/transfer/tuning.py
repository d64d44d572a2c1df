"""One step of a tuning plan: the probe's head on a backbone whose upper stages now train with it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from headstart.backbones.conversion import state_arrays
from headstart.backbones.stages import StagedBackbone
from headstart.core.files import write_json
from headstart.core.progress import Progress
from headstart.tasks.classification import Classification
from headstart.training.checkpoints import TrainingWork
from headstart.training.examples import Examples
from headstart.training.inference import answers
from headstart.training.loop import Loop
from headstart.training.memory import named_out_of_memory
from headstart.training.network import Network
from headstart.training.plan import PlannedPhase, steps_per_epoch
from headstart.training.records import PhaseRecord
from headstart.training.timing import measure_cost
from headstart.transfer.heads import LinearHead
from headstart.transfer.objective import OBJECTIVES, Aim
from headstart.transfer.tuning_plan import LEAST_MEASURING, MEASURING, TuningStep

Ended = Literal["ok", "interrupted", "failed"]
_STATUS: dict[str, Ended] = {"not finite": "failed", "interrupted": "interrupted"}


@dataclass(frozen=True, eq=False)
class Tuned:
    """What one step came to.

    Attributes:
        step: What was planned.
        planned: Its phases, with what was measured here.
        records: What its phases brought.
        network: In its best state; ``None`` where nobody needs it any more.
        validation_probabilities: Shape ``(N_validation, C)``, not calibrated.
    """

    step: TuningStep
    planned: tuple[PlannedPhase, ...]
    records: tuple[PhaseRecord, ...]
    network: Network | None
    validation_probabilities: NDArray[np.float64]

    @property
    def status(self) -> Ended:
        """How it ended; ``"failed"`` where something was not finite."""
        return _STATUS.get(self.records[-1].ending, "ok")

    @property
    def reason(self) -> str:
        """Why it ended, in a sentence."""
        return "; ".join(record.reason for record in self.records)

    @property
    def epoch_seconds(self) -> float:
        """Time that its epochs took, in whichever process."""
        return sum(epoch.seconds for record in self.records for epoch in record.epochs)

    @property
    def moved(self) -> bool:
        """Whether an epoch was kept; otherwise the network is still the probe."""
        return any(record.best is not None for record in self.records)

    def arrays(self) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
        """The backbone's weights under the source model's names, and the head's.

        Raises:
            ValueError: The network has been let go of.
        """
        if self.network is None:
            raise ValueError(f"Expected the network of {self.step.name} to be kept, but another one was better.")
        return state_arrays(self.network.backbone.model), state_arrays(self.network.head)

    def facts(self) -> dict[str, Any]:
        """What the manifest says of the training."""
        return {
            "boundary": self.step.boundary,
            "phases": [planned.to_json() for planned in self.planned],
            "below": self.step.below,
            "views": self.step.views,
            "frozen": asdict(self.records[-1].frozen),
            "ending": self.reason,
        }


def network_from_probe(backbone: StagedBackbone, probe: LinearHead) -> Network:
    """A network that answers exactly as the probe does: training begins where the probe ended.

    Args:
        backbone: The pretrained backbone.
        probe: Weights ``(C, D)``; divided by the temperature, so that the logits are calibrated from the start.
    """
    head = Classification(len(probe.bias)).build_head(backbone)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(probe.weight / np.float32(probe.temperature)))
        head.bias.copy_(torch.from_numpy(probe.bias / np.float32(probe.temperature)))
    return Network(backbone, head)


def tune_network(
    step: TuningStep,
    network: Network,
    *,
    train: Examples,
    validation: Examples,
    seed: int,
    work: TrainingWork,
    progress: Progress,
) -> Tuned:
    """Runs the phases of a step, from where an earlier process left them if one did.

    Args:
        step: What to do.
        network: From :func:`network_from_probe`; changed in place.
        train: Examples to learn from.
        validation: Examples to choose the best epoch by.
        seed: Of order, augmentation and dropout.
        work: Where plan, snapshot and step log are kept.
        progress: Hears about every step.
    """
    classes = len(network.head.get_parameter("bias"))
    objective = OBJECTIVES[step.objective]()
    aim = objective.begin(network, classes=classes, train=train, validation=validation)
    with named_out_of_memory(step.phases[0].batch_size):
        planned = _stored_plan(work) or _measured(step, aim, train=train, work=work)
    loop = Loop(
        aim.network,
        aim.task,
        train=train,
        validation=aim.validation,
        seed=seed,
        progress=progress,
        checkpoints=work.checkpoints,
        log=work.log,
        stop=work.stop,
    )
    with named_out_of_memory(step.phases[0].batch_size):
        records = loop.fit(planned)
        network = objective.end(aim.network, classes=classes, train=train, seed=seed)
        probabilities = np.concatenate(answers(network, Classification(classes), validation))
    return Tuned(step, tuple(planned), tuple(records), network, probabilities)


def _stored_plan(work: TrainingWork) -> list[PlannedPhase] | None:
    if not work.plan.exists():
        return None
    return [PlannedPhase.from_json(values) for values in json.loads(work.plan.read_bytes())]


def _measured(step: TuningStep, aim: Aim, *, train: Examples, work: TrainingWork) -> list[PlannedPhase]:
    """The phases with the precision and layout that are fastest here; epochs are those of the plan."""
    planned = []
    seconds = max(LEAST_MEASURING, MEASURING * step.predicted_seconds)
    for phase in step.phases:
        cost = measure_cost(
            aim.network, aim.task, train=train, validation=aim.validation, phase=phase, most_seconds=seconds
        )
        steps = steps_per_epoch(phase, len(train))
        epoch_seconds = steps * cost.step_seconds + cost.validation_seconds
        planned.append(
            PlannedPhase(phase, phase.epochs, steps, cost.precision, epoch_seconds, cost.threads, cost.layout)
        )
    write_json(work.plan, [phase.to_json() for phase in planned])
    return planned
