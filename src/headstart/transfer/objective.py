"""What a training makes small, and how a model that answers comes of it.

A strategy names its objective, as plain data. The loop knows none of them: it is given a network and a task.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from headstart.core.registry import Registry
from headstart.tasks.contract import Task
from headstart.training.examples import Examples
from headstart.training.network import Network


@dataclass(frozen=True, eq=False)
class Aim:
    """What the loop is given.

    Attributes:
        network: What trains.
        task: Its loss is made small.
        validation: Examples by which the best epoch is chosen.
    """

    network: Network
    task: Task
    validation: Examples


class Objective(Protocol):
    """One way to learn from labelled examples; made without arguments."""

    def begin(self, network: Network, *, classes: int, train: Examples, validation: Examples) -> Aim:
        """What the loop is given.

        Args:
            network: The probe's head on the backbone.
            classes: Number of classes.
            train: Examples to learn from.
            validation: Examples to choose by.
        """

    def end(self, network: Network, *, classes: int, train: Examples, seed: int) -> Network:
        """The network that answers with class logits, from the one that was trained."""


class ClassLabels:
    """The head answers with class logits from the beginning, and its cross-entropy is made small."""

    def begin(self, network: Network, *, classes: int, train: Examples, validation: Examples) -> Aim:
        """The network as it is."""
        from headstart.tasks.classification import Classification

        return Aim(network, Classification(classes), validation)

    def end(self, network: Network, *, classes: int, train: Examples, seed: int) -> Network:
        """The network as it is."""
        return network


#: Name to class.
OBJECTIVES: Registry[type[Objective]] = Registry(
    "objective",
    {
        "classification": "headstart.transfer.objective:ClassLabels",
        "contrastive": "headstart.transfer.contrastive:ClassPairs",
    },
    group="headstart.objectives",
)
