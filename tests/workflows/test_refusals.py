import pytest

from headstart.core.errors import UsageError
from headstart.training.phase import LearningRates, Phase
from headstart.transfer.strategy import STRATEGIES
from headstart.transfer.tuning_plan import TuningPlan, TuningStep
from headstart.workflows.refusals import refuse_unaffordable

STEP = TuningStep("layer.2", "partial", (Phase("layer.2", LearningRates(1, 1), 8, 16, 8),), "cached", 0, 0.5, 42.0)


def test_a_budget_that_buys_nothing_is_refused_where_a_training_was_asked_for() -> None:
    with pytest.raises(UsageError, match=r"--strategy partial asks for, but 5 s do not: layer\.2 .* about 42 s here"):
        refuse_unaffordable(TuningPlan((), (STEP,)), STRATEGIES["partial"], budget=5.0)


def test_a_search_may_come_home_with_nothing_and_a_bought_training_is_fine() -> None:
    refuse_unaffordable(TuningPlan((), (STEP,)), STRATEGIES["auto"], budget=5.0)
    refuse_unaffordable(TuningPlan((STEP,), ()), STRATEGIES["partial"], budget=50.0)
