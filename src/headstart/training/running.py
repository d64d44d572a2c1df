"""What exists only while a phase runs: its optimizer, its schedule and the best state so far."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from headstart.training.kept import Kept
from headstart.training.network import Network
from headstart.training.optimizer import build_optimizer, build_schedule
from headstart.training.plan import PlannedPhase


class RunningPhase:
    """The tools of one phase, made for a network whose boundary has been placed.

    Args:
        network: Its parameters above the boundary are what moves.
        planned: Says at which rates and for how many steps.

    Attributes:
        optimizer: Over exactly the parameters that may move.
        schedule: Of its learning rates.
        kept: The best state so far.
    """

    def __init__(self, network: Network, planned: PlannedPhase) -> None:
        self.optimizer = build_optimizer(network, planned.phase)
        self.schedule = build_schedule(self.optimizer, steps=planned.steps, warm_up=planned.phase.warm_up)
        self.kept = Kept(network)

    def tensors(self) -> dict[str, Tensor]:
        """All tensors that are needed to go on: ``kept.*`` and ``optimizer.PARAMETER.*``."""
        kept = {f"kept.{name}": tensor for name, tensor in self.kept.state.items()}
        return kept | {f"optimizer.{place}.{key}": value for place, key, value in self._moments() if _is_tensor(value)}

    def facts(self) -> dict[str, Any]:
        """All else that is needed to go on, as plain JSON values."""
        return {
            "kept": {"epoch": self.kept.epoch, "loss": None if self.kept.epoch is None else self.kept.loss},
            "schedule": self.schedule.state_dict(),
            "moments": [[place, key, value] for place, key, value in self._moments() if not _is_tensor(value)],
        }

    def restore(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Goes on from what :meth:`tensors` and :meth:`facts` gave; other tensors are passed over."""
        kept = {name.removeprefix("kept."): value for name, value in tensors.items() if name.startswith("kept.")}
        loss = facts["kept"]["loss"]
        self.kept.replace(facts["kept"]["epoch"], math.inf if loss is None else loss, kept)
        moments: dict[int, dict[str, Any]] = {}
        for place, key, value in facts["moments"]:
            moments.setdefault(place, {})[key] = value
        for name, value in tensors.items():
            if name.startswith("optimizer."):
                _, place, key = name.split(".", 2)
                moments.setdefault(int(place), {})[key] = value
        self._restore_optimizer(moments, facts["schedule"])

    def _moments(self) -> list[tuple[int, str, Any]]:
        """What the optimizer remembers: place of the parameter, what it is, its value."""
        state = self.optimizer.state_dict()["state"]
        return [(place, key, value) for place, values in state.items() for key, value in values.items()]

    def _restore_optimizer(self, moments: Mapping[int, dict[str, Any]], schedule: Mapping[str, Any]) -> None:
        parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        for place, values in moments.items():
            for key, value in values.items():
                if _is_tensor(value) and value.shape == parameters[place].shape and value.ndim:
                    values[key] = torch.empty_like(parameters[place]).copy_(value)  # in the same memory layout
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": dict(moments)})
        self.schedule.load_state_dict(dict(schedule))
        for group, rate in zip(self.optimizer.param_groups, self.schedule.get_last_lr(), strict=True):
            group["lr"] = rate


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor)
