"""What makes two fits comparable: costs that no clock has measured."""

import pytest

from headstart.training.plan import PhaseCost
from headstart.transfer.tuning_plan import BoundaryCost


def fixed_boundary_costs(examples, *, device):
    """A millisecond per item for the whole backbone, shared evenly among its stages; pooling is next to nothing."""
    names = [stage.name for stage in examples.backbone.card.stages]
    shares = {name: place / len(names) for place, name in enumerate(names)} | {names[-1]: 0.995}
    found = [BoundaryCost(name, shares[name], 1e-4, 1e-3 * (1 - shares[name]), 4096) for name in reversed(names[1:])]
    return [*found, BoundaryCost("bottom", 0.0, 1e-4, 1e-3, 0)]


def fix_costs(patch):
    """Whatever is measured before a training is the same every time, and takes no time."""
    patch.setattr("headstart.workflows.tune.boundary_costs", fixed_boundary_costs)
    for constant in ("SET_UP", "LEAST_MEASURING"):
        patch.setattr(f"headstart.transfer.tuning_plan.{constant}", 0.0)
    for room in ("tuning", "scratch"):
        patch.setattr(
            f"headstart.transfer.{room}.measure_cost",
            lambda *given, **named: PhaseCost("float32", 0.01, 0.01, threads=1),
        )


@pytest.fixture
def fixed_costs(monkeypatch):
    """Two fits of the same command follow the same plan."""
    fix_costs(monkeypatch)
