"""Training from activations that were computed once, against a full forward pass in every step."""

from __future__ import annotations

import math
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.results import Result
from benchmarks.settings import Settings
from headstart.backbones.converted import ConvertedBackbone
from headstart.core.machine import cores
from headstart.core.progress import Silent, Stopwatch
from headstart.data.items import Split
from headstart.features.boundary_cache import ViewedItems, Views, activation_shelf, activation_source, never
from headstart.training.examples import Examples as TrainingExamples
from headstart.training.phase import LearningRates, Phase
from headstart.training.plan import PlannedPhase, steps_per_epoch
from headstart.transfer.strategy import Strategy
from headstart.transfer.tuning_plan import PASSES, BoundaryCost, Sizes, TuningStep, plan_tuning
from headstart.workflows.arrange import DataOptions
from headstart.workflows.boundary_costs import boundary_costs
from headstart.workflows.gather import BackboneOptions, Examples, gather
from headstart.workflows.step_examples import TuneOptions, training_examples

if TYPE_CHECKING:
    from torch import Generator

EPOCHS = 10
BATCH = 32
MOST_ROUNDS = 3
OPTIONS = TuneOptions(budget=math.inf, views=1)
VIEWS = Views(OPTIONS.views, seed=OPTIONS.seed)


@dataclass(frozen=True)
class Case:
    """A backbone of the comparison.

    Attributes:
        backbone: Which one; of random weights where its own are not here, which changes no time.
        boundaries: The lowest stage that trains, in each comparison.
        photos: Photos per class for training and for validation.
    """

    backbone: BackboneOptions
    boundaries: tuple[str, ...]
    photos: tuple[int, int]


CASES = (
    Case(BackboneOptions("bundled:efficientnet_lite0"), ("blocks.6", "blocks.5", "blocks.3"), (20, 4)),
    Case(BackboneOptions("timm:resnet50", random_weights=True), ("layer4.1",), (8, 2)),
)


@dataclass(frozen=True)
class Training:
    """What a training took, what lies below the boundary included, and its losses.

    Attributes:
        seconds: Wall-clock time.
        losses: Training and validation loss of every epoch, ``(EPOCHS, 2)``.
    """

    seconds: float
    losses: np.ndarray[tuple[int, int], np.dtype[np.float64]]


def measure(settings: Settings) -> Result:
    """Seconds of both, their ratio, what it could be at most, what was predicted, and whether the losses agree."""
    rounds = min(settings.runs, MOST_ROUNDS)
    with tempfile.TemporaryDirectory() as name:
        os.environ["HEADSTART_CACHE"] = str(Path(name) / "cache")  # of this process alone
        measured = [
            figures for case in CASES for figures in measure_case(case, settings.data, Path(name), rounds=rounds)
        ]
    return Result(
        title="Boundary cache",
        method=(
            f"{EPOCHS} epochs on cifar10's photos in batches of {BATCH}, validation after each included, in float32 "
            "and channels-last memory. *Full forward*: what lies below the boundary runs in the same torch network "
            "without gradients in every step, on photos that were decoded once and stay in memory. *From the cache*: "
            "from an empty cache, each photo as it is and in one augmented view, by the frozen engine that `headstart "
            "fit` chooses; "
            "decoding, starting the engine and filling are in the time. The same loop, order and views in both. "
            f"Median of {rounds} {'round' if rounds == 1 else 'rounds'} in which they take turns."
        ),
        columns=[
            "backbone, boundary",
            "photos",
            "share below",
            "ceiling",
            "full forward",
            "from the cache",
            "times faster",
            "predicted",
            "with an f32 engine",
            "losses differ by",
        ],
        rows=[row(figures) for figures in measured],
        figures={f"{one['backbone']} {one['boundary']}": one for one in measured},
        notes=[
            "Share below: f, the part of a forward pass's time that lies below the boundary. "
            "Ceiling: 1 + f / (3 (1 - f)), if the cache cost nothing and nobody validated.",
            "Predicted: the cost model's seconds from the cache, and the times faster that follow from it.",
            "With an f32 engine: times faster where the frozen engine computes in float32 as the loop does; "
            "losses differ by: the largest relative difference between its epoch losses and the full forward's, "
            "training and validation.",
        ],
    )


def measure_case(case: Case, data: Path, folder: Path, *, rounds: int) -> Iterator[dict[str, Any]]:
    """The figures of every boundary of a backbone."""
    with tempfile.TemporaryDirectory(dir=folder) as photos:
        copy_photos(data / "cifar10" / "train", Path(photos), case.photos)
        examples = gather(DataOptions(photos), case.backbone, progress=Silent(), watch=Stopwatch())
        costs = {cost.boundary: cost for cost in boundary_costs(examples, device="cpu")}
        for boundary in case.boundaries:
            yield measure_boundary(examples, costs[boundary], rounds=rounds)


def copy_photos(source: Path, target: Path, photos: tuple[int, int]) -> None:
    """The first photos of every class for training, the next for validation, and two for the test split."""
    for folder in filter(Path.is_dir, source.iterdir()):
        files = sorted(folder.iterdir())
        for split, count in zip(("train", "validation", "test"), (*photos, 2), strict=True):
            place = target / split / folder.name
            place.mkdir(parents=True)
            for file in files[:count]:
                shutil.copy(file, place)
            files = files[count:]


def measure_boundary(examples: Examples, cost: BoundaryCost, *, rounds: int) -> dict[str, Any]:
    """All figures of one boundary; the ways take turns, so that a busy moment hits all of them."""
    step = planned_step(examples, cost)
    exact = in_float32(examples)
    ways = {"cached": (examples, from_cache), "full": (examples, full_forward), "cached_f32": (exact, from_cache)}
    found: dict[str, list[Training]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, (seen, enter) in ways.items():
            found[way].append(trained(seen, step, enter))
    seconds = {way: statistics.median(one.seconds for one in trainings) for way, trainings in found.items()}
    losses = {way: trainings[0].losses for way, trainings in found.items()}
    train, validation = (len(examples.arranged.rows(split)) for split in ("train", "validation"))
    share = cost.share_below
    above = EPOCHS * (PASSES * train + validation) * cost.above_seconds
    below = EPOCHS * (train + validation) * cost.above_seconds * share / (1 - share)
    return {
        "backbone": examples.backbone.card.name,
        "boundary": cost.boundary,
        "train": train,
        "validation": validation,
        "engine": str(examples.choice.spec),
        "share_below": share,
        "ceiling": 1 + share / (PASSES * (1 - share)),
        "seconds": seconds,
        "ratio": seconds["full"] / seconds["cached"],
        "ratio_f32": seconds["full"] / seconds["cached_f32"],
        "predicted_seconds": step.predicted_seconds,
        "predicted_ratio": (above + below) / step.predicted_seconds,
        "cache_bytes": step.cache_bytes,
        "losses": {way: values.tolist() for way, values in losses.items()},
        "losses_differ": float(np.abs(losses["cached_f32"] / losses["full"] - 1).max()),
    }


def planned_step(examples: Examples, cost: BoundaryCost) -> TuningStep:
    """The training at a boundary as a plan would have it."""
    phase = Phase(cost.boundary, LearningRates(1e-3, 2e-3, 0.8), epochs=EPOCHS, batch_size=BATCH, patience=EPOCHS)
    train, validation = (len(examples.arranged.rows(split)) for split in ("train", "validation"))
    strategy = Strategy("benchmark", weights="pretrained", phases=(phase,))
    sizes = Sizes(train, validation, OPTIONS.views)
    plan = plan_tuning(strategy, [cost], sizes, budget=math.inf, room_for=lambda _: True)
    return replace(plan.steps[0], below="cached")


def in_float32(examples: Examples) -> Examples:
    """The same examples, their frozen side in float32."""
    spec = replace(examples.choice.spec, precision="f32")
    return replace(examples, choice=replace(examples.choice, spec=spec))


Enter = Callable[[Examples, TuningStep], tuple[TrainingExamples, TrainingExamples]]


def trained(examples: Examples, step: TuningStep, enter: Enter) -> Training:
    """A whole training; loading the network is not in its time."""
    import torch

    from headstart.tasks.classification import Classification
    from headstart.training.loop import Loop
    from headstart.training.network import Network

    clear_activations(examples, step.boundary)
    torch.manual_seed(0)
    task = Classification(len(examples.arranged.classes))
    backbone = examples.backbone.load()
    network = Network(backbone, task.build_head(backbone))
    steps = steps_per_epoch(step.phases[0], len(examples.arranged.rows("train")))
    planned = PlannedPhase(step.phases[0], EPOCHS, steps, "float32", 0.0)
    begun = time.perf_counter()
    train, validation = enter(examples, step)
    (record,) = Loop(network, task, train=train, validation=validation).fit([planned])
    seconds = time.perf_counter() - begun
    if len(record.epochs) != EPOCHS:
        raise RuntimeError(f"Expected {EPOCHS} epochs, but the training {record.reason}.")
    return Training(seconds, np.array([[epoch.train_loss, epoch.validation_loss] for epoch in record.epochs]))


def from_cache(examples: Examples, step: TuningStep) -> tuple[TrainingExamples, TrainingExamples]:
    """Activations at the boundary, as ``headstart fit`` keeps them."""
    with training_examples(
        examples, step, admitted=VIEWS.invariances, options=OPTIONS, stop=never, progress=Silent()
    ) as both:
        return both


def full_forward(examples: Examples, step: TuningStep) -> tuple[TrainingExamples, TrainingExamples]:
    """The inputs of the same views, for a network that computes everything in every step."""
    return whole_inputs(examples, "train", VIEWS.trained), whole_inputs(examples, "validation", range(1))


def whole_inputs(examples: Examples, split: Split, views: range) -> TrainingExamples:
    """Some views of a split's photos, decoded now, kept in memory, and drawn from as from a cache."""
    from headstart.training.activations import InputExamples, drawn_views

    card = examples.backbone.card
    rows = examples.arranged.rows(split)
    items, digests = ([of[row] for row in rows] for of in (examples.arranged.items, examples.digests))
    source = activation_source(examples.backbone, examples.choice.spec, card.top.name)
    viewed = [ViewedItems(items, digests, view, VIEWS, source, examples.modality) for view in views]
    with ThreadPoolExecutor(cores()) as pool:
        inputs = np.stack([list(pool.map(one.prepare, range(len(items)))) for one in viewed])

    def drawn(some: NDArray[np.int64], chance: Generator | None) -> NDArray[np.uint8]:
        return np.asarray(inputs[drawn_views(len(inputs), len(some), chance), some])

    return InputExamples(drawn, examples.arranged.labels[rows], preprocess=card.preprocess)


def clear_activations(examples: Examples, boundary: str) -> None:
    """Forgets what is kept at a boundary."""
    source = activation_source(examples.backbone, examples.choice.spec, stage_below(examples.backbone, boundary))
    for view in range(VIEWS.count + 1):
        if (folder := activation_shelf(view, VIEWS, source, examples.modality).folder).exists():
            shutil.rmtree(folder)


def stage_below(backbone: ConvertedBackbone, boundary: str) -> str:
    """The stage whose output is kept."""
    names = [stage.name for stage in backbone.card.stages]
    return names[names.index(boundary) - 1]


def row(figures: dict[str, Any]) -> list[str]:
    """One line of the table."""
    seconds = figures["seconds"]
    return [
        f"{figures['backbone']}, {figures['boundary']}",
        f"{figures['train']} + {figures['validation']}",
        f"{figures['share_below']:.1%}",
        f"{figures['ceiling']:.1f}",
        f"{seconds['full']:.1f} s",
        f"{seconds['cached']:.1f} s",
        f"{figures['ratio']:.1f}",
        f"{figures['predicted_seconds']:.1f} s, {figures['predicted_ratio']:.1f}",
        f"{figures['ratio_f32']:.1f}",
        f"{figures['losses_differ']:.1e}",
    ]
