import json
import subprocess
import sys
from dataclasses import asdict

import pytest

from headstart.backbones.card import Stage
from headstart.core.errors import UnknownNameError
from headstart.transfer.strategy import AUTO, CHOSEN, CONTRASTIVE, PROBE, SCRATCH, STRATEGIES, suited_to


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_a_strategy_is_plain_data_under_its_own_name(name: str) -> None:
    strategy = STRATEGIES[name]
    assert strategy.name == name
    assert json.loads(json.dumps(asdict(strategy)))["weights"] == strategy.weights


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_the_rates_rise_and_patience_outlasts_a_quarter(name: str) -> None:
    for phase in STRATEGIES[name].phases:
        assert 0 < phase.warm_up < 1
        assert phase.patience > phase.epochs / 4  # so that early stopping counts as convergence


def test_a_probe_needs_no_loop_and_scratch_trains_everything() -> None:
    assert PROBE.phases == () and PROBE.weights == "pretrained"
    assert [phase.boundary for phase in SCRATCH.phases] == ["bottom"] and SCRATCH.weights == "random"


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_a_boundary_is_left_to_the_plan_only_where_the_plan_places_it(name: str) -> None:
    strategy = STRATEGIES[name]
    left_open = any(phase.boundary == CHOSEN for phase in strategy.phases)
    assert left_open == (strategy.placement != "given")
    assert strategy.weights == "pretrained" or not left_open


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_several_rates_are_tried_only_by_a_search_and_the_own_ones_first(name: str) -> None:
    strategy = STRATEGIES[name]
    assert strategy.rate_factors[0] == 1.0
    assert len(set(strategy.rate_factors)) == len(strategy.rate_factors)
    assert strategy.placement == "searched" or len(strategy.rate_factors) == 1


def test_what_passes_tokens_on_is_trained_at_half_the_rate() -> None:
    convolution, block = Stage("conv", 32, "NCHW"), Stage("block", 384, "NLC")
    assert suited_to(AUTO, [convolution]) is AUTO
    (usual,), (halved,) = AUTO.phases, suited_to(AUTO, [convolution, block]).phases
    assert halved.learning_rates.backbone == usual.learning_rates.backbone / 2
    assert halved.learning_rates.head == usual.learning_rates.head
    assert suited_to(CONTRASTIVE, [block]) is CONTRASTIVE


def test_an_unknown_strategy_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'probe'"):
        STRATEGIES["prob"]


def test_strategies_and_the_task_contract_come_without_torch() -> None:
    program = """
import sys, headstart.tasks.contract
from headstart.transfer.strategy import STRATEGIES
[STRATEGIES[name] for name in STRATEGIES]
print("torch" in sys.modules)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "False"
