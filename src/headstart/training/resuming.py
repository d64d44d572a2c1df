"""Taking a snapshot of a training, and going on from one, provided that it is the same training."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from headstart.training.checkpoints import Checkpoints, Snapshot
from headstart.training.frozen import boundary_position, frozen_proof
from headstart.training.network import Network
from headstart.training.plan import PlannedPhase
from headstart.training.running import RunningPhase
from headstart.training.state import TrainingState

_FORMAT = 1


class Resumption:
    """Ties the snapshots in a folder to one training.

    Args:
        checkpoints: Where snapshots lie.
        network: What trains. What lies below every boundary of the plan is not stored, only compared by its hash.
        plan: What is followed.
        settings: What else has to be the same: the seed, the numbers of examples.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        network: Network,
        plan: Sequence[PlannedPhase],
        settings: Mapping[str, Any],
    ) -> None:
        self._checkpoints, self._network = checkpoints, network
        positions = [boundary_position(network.backbone, planned.phase.boundary) for planned in plan]
        self._lowest = min(positions, default=len(network.backbone.stages))
        identity = {"format": _FORMAT, "plan": [planned.to_json() for planned in plan], **settings}
        self._identity = json.loads(json.dumps(identity))
        self._loaded: Snapshot | None = None

    def save(self, state: TrainingState, running: RunningPhase | None, *, log_bytes: int) -> None:
        """Replaces the snapshot by the present state; ``running`` is ``None`` between two phases."""
        tensors = {f"network.{name}": value for name, value in self._network.trained_state(self._lowest).items()}
        facts = {"training": self._identity, "state": state.to_json(), "log_bytes": log_bytes}
        if running is not None:
            tensors, facts = tensors | running.tensors(), facts | {"running": running.facts()}
        self._checkpoints.save(Snapshot(tensors, facts))

    def load(self) -> tuple[TrainingState, int] | None:
        """Puts the snapshot's weights into the network.

        Returns:
            Where the training stood, and the length of its log in bytes; ``None`` where there is no snapshot.

        Raises:
            RunFolderError: The snapshot is damaged, or belongs to another training.
        """
        self._loaded = self._checkpoints.load()
        if self._loaded is None:
            return None
        self._check_identity(self._loaded.facts["training"])
        self._load_network(self._loaded)
        state = TrainingState.from_json(self._loaded.facts["state"])
        self._check_frozen(state)
        return state, self._loaded.facts["log_bytes"]

    def restore(self, running: RunningPhase) -> None:
        """Puts the snapshot's optimizer, schedule and best state into the phase that was running, once."""
        if self._loaded is not None and "running" in self._loaded.facts:
            running.restore(self._loaded.tensors, self._loaded.facts["running"])
        self._loaded = None

    def _check_identity(self, found: Mapping[str, Any]) -> None:
        names = self._identity.keys() | found.keys()
        if other := sorted(name for name in names if self._identity.get(name) != found.get(name)):
            raise self._checkpoints.unusable(f"that training had another {', another '.join(other)}")

    def _load_network(self, snapshot: Snapshot) -> None:
        prefix = "network."
        stored = {name.removeprefix(prefix): t for name, t in snapshot.tensors.items() if name.startswith(prefix)}
        expected = self._network.trained_state(self._lowest)
        if {name: t.shape for name, t in stored.items()} != {name: t.shape for name, t in expected.items()}:
            raise self._checkpoints.unusable("its tensors have other names or shapes than this network's")
        self._network.load_state_dict(stored, strict=False)

    def _check_frozen(self, state: TrainingState) -> None:
        """What lies below the boundary is what it was when the phase began."""
        proof = state.frozen or (state.records[-1].frozen if state.records else None)
        if proof is not None and frozen_proof(self._network.backbone, len(proof.stages)) != proof:
            raise self._checkpoints.unusable("that training stood on a backbone with other weights")
