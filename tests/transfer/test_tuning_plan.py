"""The plan against its own formula, computed here a second time, and against what a budget is."""

import json
import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.transfer.strategy import AUTO, FINETUNE, PARTIAL, Strategy
from headstart.transfer.tuning_plan import (
    LEAST_EPOCHS,
    LEAST_SHARE,
    LONGER,
    BoundaryCost,
    Sizes,
    TuningPlan,
    TuningStep,
    plan_tuning,
    rungs,
)

SIZES = Sizes(train=300, validation=60, views=2)
EPOCHS = AUTO.phases[0].epochs
seconds = st.floats(min_value=1e-6, max_value=1.0)


def anywhere(size: int) -> bool:
    """There is always room."""
    return True


def nowhere(size: int) -> bool:
    """There is never room."""
    return False


def costs_of(stages: list[float], *, speed: float = 10.0, decoding: float = 1e-3) -> list[BoundaryCost]:
    """The costs of a backbone whose stages take so many seconds, with an engine that is ``speed`` times as fast."""
    whole = sum(stages)
    found = [
        BoundaryCost(
            f"stage{place}",
            share_below=sum(stages[:place]) / whole,
            below_seconds=decoding + sum(stages[:place]) / speed,
            above_seconds=sum(stages[place:]),
            row_bytes=1000 * (len(stages) - place),
        )
        for place in range(len(stages) - 1, 0, -1)
    ]
    return [*found, BoundaryCost("bottom", 0.0, below_seconds=decoding, above_seconds=whole, row_bytes=0)]


@st.composite
def all_costs(draw: st.DrawFn) -> list[BoundaryCost]:
    """The costs of some backbone on some machine."""
    stages = draw(st.lists(seconds, min_size=1, max_size=8))
    return costs_of(stages, speed=draw(st.floats(0.5, 50)), decoding=draw(seconds))


@st.composite
def all_sizes(draw: st.DrawFn) -> Sizes:
    """Some data."""
    return Sizes(draw(st.integers(1, 10_000)), draw(st.integers(1, 2_000)), draw(st.integers(0, 8)))


def by_hand(cost: BoundaryCost, sizes: Sizes, epochs: int) -> tuple[float, float]:
    """Filling a cache and training from it; computing each time. One example and pass after the other."""
    filled = sum(cost.below_seconds * sizes.train for _ in range(sizes.views + 1))
    filled += cost.below_seconds * sizes.validation
    trained = each_time = 0.0
    for _ in range(epochs):
        forward_and_backward = 3 * sizes.train * cost.above_seconds
        validated = sizes.validation * cost.above_seconds
        trained += forward_and_backward + validated
        each_time += forward_and_backward + validated + (sizes.train + sizes.validation) * cost.below_seconds
    set_up = 1 + max(1, 0.08 * (above := epochs * cost.above_seconds * (3 * sizes.train + sizes.validation)))
    assert above == pytest.approx(trained)
    return filled + trained + set_up, each_time + set_up


def price(plan: TuningPlan) -> float:
    return sum(step.predicted_seconds for step in plan.steps)


@given(all_costs(), all_sizes(), st.booleans())
def test_predictions_are_those_of_the_formula_and_the_cheaper_way_is_planned(
    costs: list[BoundaryCost], sizes: Sizes, room: bool
) -> None:
    strategy = replace(AUTO, rate_factors=(1.0,), updates=0)
    plan = plan_tuning(strategy, costs, sizes, budget=float("inf"), room_for=anywhere if room else nowhere)
    assert {step.boundary for step in plan.steps} == {cost.boundary for cost in rungs(costs)}
    for step in plan.steps:
        (cost,) = [cost for cost in costs if cost.boundary == step.boundary]
        cached, each_time = by_hand(cost, sizes, step.epochs)
        if step.boundary == "bottom":
            assert (step.below, step.predicted_seconds_otherwise, step.cache_bytes) == ("nothing", None, None)
            assert step.predicted_seconds == pytest.approx(each_time)
        elif step.below == "cached":
            assert room
            assert cached <= each_time * (1 + 1e-9)
            assert (step.predicted_seconds, step.predicted_seconds_otherwise) == pytest.approx((cached, each_time))
            assert step.cache_bytes == cost.row_bytes * ((sizes.views + 1) * sizes.train + sizes.validation)
            assert step.views == sizes.views
        else:
            assert step.below == "computed each time"
            assert not room or each_time <= cached * (1 + 1e-9)
            assert (step.predicted_seconds, step.predicted_seconds_otherwise) == pytest.approx((each_time, cached))
            assert (step.cache_bytes, step.views) == (None, sizes.views)


@given(all_costs(), all_sizes(), st.floats(1e-6, 1e5), st.sampled_from([AUTO, PARTIAL, FINETUNE]), st.booleans())
def test_a_plan_never_costs_more_than_the_budget_and_survives_json(
    costs: list[BoundaryCost], sizes: Sizes, budget: float, strategy: Strategy, room: bool
) -> None:
    plan = plan_tuning(strategy, costs, sizes, budget=budget, room_for=anywhere if room else nowhere)
    assert price(plan) <= budget * (1 + 1e-9)
    for steps in (plan.steps, plan.unaffordable):
        boundaries = [step.boundary for step in steps]
        cheapest_first = sorted(
            dict.fromkeys(boundaries), key=lambda boundary: steps[boundaries.index(boundary)].predicted_seconds
        )
        assert list(dict.fromkeys(boundaries)) == cheapest_first  # at one boundary the most promising first
    assert TuningPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@given(all_costs(), all_sizes(), st.floats(1e-6, 1e5))
def test_what_the_budget_does_not_buy_is_listed(costs: list[BoundaryCost], sizes: Sizes, budget: float) -> None:
    plan = plan_tuning(AUTO, costs, sizes, budget=budget, room_for=anywhere)
    names = [step.name for step in (*plan.steps, *plan.unaffordable)]
    usual, longer = usual_epochs(sizes), longer_epochs(sizes)
    assert len(names) == len(rungs(costs)) * len(AUTO.rate_factors) + (longer >= LONGER * usual) == len(set(names))
    for step in plan.steps:
        if step.name.endswith(", longer"):
            assert LONGER * usual <= step.epochs <= longer
        else:
            assert min(LEAST_EPOCHS, usual) <= step.epochs <= usual
    for step in plan.unaffordable:  # at its full length; even at its least it would have cost more than was left
        assert step.epochs == (longer if step.name.endswith(", longer") else usual)
        assert step.predicted_seconds > budget - price(plan)


def epochs_for_updates(sizes: Sizes) -> int:
    """As many as make the updates that are enough, one after the other."""
    epochs, updates = 0, 0
    while updates < AUTO.updates:
        epochs, updates = epochs + 1, updates + math.ceil(sizes.train / AUTO.phases[0].batch_size)
    return epochs


def usual_epochs(sizes: Sizes) -> int:
    """Between the least and those of the phase."""
    return sorted((LEAST_EPOCHS, epochs_for_updates(sizes), EPOCHS))[1]


def longer_epochs(sizes: Sizes) -> int:
    """At least those of the phase."""
    return max(epochs_for_updates(sizes), EPOCHS)


def test_all_stages_train_longer_where_the_usual_epochs_are_few_updates() -> None:
    costs, sizes = costs_of([1e-3, 1e-3, 1e-3]), Sizes(train=260, validation=40, views=1)
    plan = plan_tuning(AUTO, costs, sizes, budget=1e6, room_for=anywhere)
    (longer,) = [step for step in plan.steps if step.epochs > EPOCHS]
    (usual,) = [step for step in plan.steps if step.boundary == "bottom" and step.learning_rate == 2e-3][:1]
    # 9 batches of at most 32 are an epoch; 67 epochs are the first with 600 updates
    assert (longer.boundary, longer.epochs, longer.name) == ("bottom", 67, "all stages at 0.002, longer")
    assert longer.phases[0].learning_rates == usual.phases[0].learning_rates
    assert longer.phases[0].patience > usual.phases[0].patience * 6
    assert longer.predicted_seconds == pytest.approx(by_hand(costs[-1], sizes, 67)[1])
    half = plan_tuning(AUTO, costs, sizes, budget=price(plan) - 0.4 * longer.predicted_seconds, room_for=anywhere)
    assert [step.epochs for step in half.steps if step.name.endswith(", longer")] == [67]  # before rates
    assert len(half.steps) < len(plan.steps)


def test_of_many_examples_few_epochs_are_enough() -> None:
    costs, sizes = costs_of([1e-3, 1e-3]), Sizes(train=6_920, validation=872, views=0)
    # 217 batches are an epoch; 3 epochs are the first with 600 updates
    for strategy in (AUTO, PARTIAL, FINETUNE):
        plan = plan_tuning(strategy, costs, sizes, budget=1e6, room_for=anywhere)
        assert {step.epochs for step in plan.steps if not step.name.endswith(", longer")} == {3}
    (longer,) = [
        step for step in plan_tuning(AUTO, costs, sizes, budget=1e6, room_for=anywhere).steps if step.epochs > 3
    ]
    assert (longer.boundary, longer.epochs) == ("bottom", EPOCHS)


def test_what_is_asked_for_by_name_is_not_trained_longer() -> None:
    for strategy in (PARTIAL, FINETUNE):
        sizes = Sizes(train=100, validation=40, views=0)
        steps = plan_tuning(strategy, costs_of([1e-3, 1e-3]), sizes, budget=1e6, room_for=anywhere).steps
        assert [step.epochs for step in steps] == [EPOCHS]


@given(all_costs(), all_sizes(), st.floats(1e-3, 1e4))
def test_as_many_epochs_are_bought_as_the_budget_allows(costs: list[BoundaryCost], sizes: Sizes, budget: float) -> None:
    plan = plan_tuning(FINETUNE, costs, sizes, budget=budget, room_for=anywhere)
    affordable = [
        epochs
        for epochs in range(LEAST_EPOCHS, usual_epochs(sizes) + 1)
        if by_hand(costs[-1], sizes, epochs)[1] <= budget
    ]
    assert [step.epochs for step in plan.steps] == affordable[-1:]
    assert len(plan.unaffordable) == (not affordable)


@given(all_costs())
def test_what_trains_costs_half_as_much_from_one_rung_to_the_next(costs: list[BoundaryCost]) -> None:
    kept = rungs(costs)
    assert kept[-1] is costs[-1]
    assert kept == [cost for cost in costs if cost in kept]  # some of them, the highest first
    above = [1 - cost.share_below for cost in kept]
    for lower, higher in pairwise(reversed(above)):
        assert LEAST_SHARE <= higher <= lower / 2
    for cost in costs:  # nothing that would fit between two of them is left out
        share = 1 - cost.share_below
        if cost not in kept:
            assert share < LEAST_SHARE or not any(
                higher < share <= lower / 2 for lower, higher in pairwise([*reversed(above), 0.0])
            )


def test_rungs_of_a_backbone_by_hand() -> None:
    # From the top, 0.5, 4, 6, 9, 12 and 15 % of the cost train, then all of it.
    costs = costs_of([0.85, 0.03, 0.03, 0.03, 0.02, 0.035, 0.005])
    assert [cost.boundary for cost in rungs(costs)] == ["stage4", "stage1", "bottom"]
    assert rungs([]) == []


def test_what_costs_nearly_as_much_as_all_stages_is_no_rung() -> None:
    costs = costs_of([0.08, 0.55, 0.26, 0.11])
    assert [cost.boundary for cost in rungs(costs)] == ["stage3", "stage2", "bottom"]


def test_few_epochs_do_not_pay_for_a_cache_of_many_views() -> None:
    costs, sizes = costs_of([1e-3, 1e-3]), replace(SIZES, views=40)
    (cost,) = [cost for cost in costs if cost.boundary == "stage1"]
    only = replace(PARTIAL, phases=(replace(PARTIAL.phases[0], epochs=4),))
    (step,) = plan_tuning(only, [cost], sizes, budget=1e6, room_for=anywhere).steps
    cached, each_time = by_hand(cost, sizes, 4)
    assert each_time < cached
    assert step.below == "computed each time"
    (step,) = plan_tuning(only, [cost], SIZES, budget=1e6, room_for=anywhere).steps
    assert step.below == "cached"


def test_a_cache_is_asked_for_by_its_size() -> None:
    asked = []

    def room_for(size: int) -> bool:
        asked.append(size)
        return size < 500_000

    plan = plan_tuning(AUTO, costs_of([8e-3, 4e-3, 2e-3]), SIZES, budget=1e6, room_for=room_for)
    below = {step.boundary: step.below for step in plan.steps}
    # 300 training items as they are and in 2 views, and 60 validation items, of 1,000 and of 2,000 bytes
    assert set(asked) == {960_000, 1_920_000}
    assert below == {"stage2": "computed each time", "stage1": "computed each time", "bottom": "nothing"}


def test_a_cache_that_is_there_is_not_paid_for_again() -> None:
    costs = costs_of([8e-3, 1e-3])
    first, *others = sorted(
        (
            step
            for step in plan_tuning(AUTO, costs, SIZES, budget=1e6, room_for=anywhere).steps
            if step.boundary == "stage1"
        ),
        key=lambda step: -step.predicted_seconds,
    )
    filling = (3 * 300 + 60) * costs[0].below_seconds
    assert len(others) == len(AUTO.rate_factors) - 1
    for step in others:
        assert first.predicted_seconds - step.predicted_seconds == pytest.approx(filling)


@given(all_costs(), all_sizes(), st.floats(1e-6, 1e5))
def test_partial_takes_the_lowest_boundary_that_is_affordable(
    costs: list[BoundaryCost], sizes: Sizes, budget: float
) -> None:
    plan = plan_tuning(PARTIAL, costs, sizes, budget=budget, room_for=nowhere)
    affordable = [cost.boundary for cost in costs if by_hand(cost, sizes, usual_epochs(sizes))[1] <= budget]
    assert [step.boundary for step in plan.steps] == affordable[-1:]
    assert all(step.epochs == usual_epochs(sizes) for step in plan.steps)
    if not affordable:
        assert {step.boundary for step in plan.unaffordable} == {cost.boundary for cost in costs}


def test_the_most_promising_rate_is_bought_at_every_rung_before_another_one() -> None:
    costs = costs_of([8e-3, 4e-3])
    free = plan_tuning(AUTO, costs, SIZES, budget=1e6, room_for=anywhere)
    usual = AUTO.phases[0].learning_rates.backbone
    enough_for_one_rate = price(
        replace(free, steps=tuple(s for s in free.steps if s.learning_rate == usual and s.epochs == EPOCHS))
    )
    filling = (3 * 300 + 60) * costs[0].below_seconds
    plan = plan_tuning(AUTO, costs, SIZES, budget=enough_for_one_rate + filling, room_for=anywhere)
    assert [step.boundary for step in plan.steps if step.learning_rate == usual] == ["stage1", "bottom"]


def test_the_rates_of_all_layers_are_multiplied_together() -> None:
    usual = AUTO.phases[0].learning_rates
    plan = plan_tuning(AUTO, costs_of([1e-3]), SIZES, budget=1e6, room_for=anywhere)
    found = {step.learning_rate: step.phases[0].learning_rates for step in plan.steps}
    assert set(found) == {factor * usual.backbone for factor in AUTO.rate_factors}
    for rate, rates in found.items():
        assert rates.head / usual.head == pytest.approx(rate / usual.backbone)
        assert rates.decay == usual.decay


def test_a_step_says_what_it_is() -> None:
    (step,) = plan_tuning(FINETUNE, costs_of([1e-3, 1e-3]), SIZES, budget=1e6, room_for=anywhere).steps
    assert (step.strategy, step.boundary, step.epochs) == ("finetune", "bottom", EPOCHS)
    assert TuningStep.from_json(json.loads(json.dumps(step.to_json()))) == step


def test_a_plan_is_summed_up() -> None:
    (step,) = plan_tuning(FINETUNE, costs_of([1e-3, 1e-3]), SIZES, budget=1e6, room_for=anywhere).steps
    one = TuningPlan((replace(step, predicted_seconds=12.4),), ())
    assert one.summary == "1 training in about 12 s"
    assert TuningPlan(one.steps * 2, ()).summary == "2 trainings in about 25 s"
