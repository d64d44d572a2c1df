"""Whole training steps on the CPU, decoding excluded: plain fp32 PyTorch against what headstart chooses here."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.results import Result
from benchmarks.settings import Settings
from headstart.backbones.card import ImagePreprocess
from headstart.backbones.conversion import open_source
from headstart.backbones.sources.contract import Request
from headstart.backbones.stages import StagedBackbone
from headstart.evaluation.paired import paired_difference
from headstart.tasks.classification import Classification
from headstart.training.activations import InputExamples
from headstart.training.allocation import kept_memory
from headstart.training.inference import answers
from headstart.training.loop import Loop
from headstart.training.network import Network
from headstart.training.phase import LearningRates, Phase
from headstart.training.plan import PhaseCost, PlannedPhase, steps_per_epoch
from headstart.training.threads import computing_threads
from headstart.training.timing import Way, measure_cost, step_of

if TYPE_CHECKING:
    from headstart.evaluation.intervals import Interval

#: What torch does where nobody says anything.
DEFAULT_WAY: Way = ("float32", "contiguous")
EPOCHS = 3
MEASURING_SECONDS = 40.0
#: Steps per turn, after one that is not counted.
STEPS = 2


@dataclass(frozen=True)
class Case:
    """A backbone of the comparison.

    Attributes:
        backbone: Which one; of random weights where its own are not here, which changes no time.
        batch: Photos per step.
    """

    backbone: Request
    batch: int


EFFICIENTNET = Case(Request.parse("bundled:efficientnet_lite0"), batch=32)
CASES = (EFFICIENTNET, Case(Request.parse("timm:resnet50", random_weights=True), batch=16))


@dataclass(frozen=True)
class Photos:
    """Decoded photos.

    Attributes:
        pictures: uint8, ``(N, 224, 224, 3)``.
        labels: Class numbers, ``(N,)``.
    """

    pictures: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def select(self, which: NDArray[np.bool_]) -> Photos:
        """Some of them."""
        return Photos(self.pictures[which], self.labels[which])

    def examples(self, preprocess: ImagePreprocess) -> InputExamples:
        """As a training loop takes them."""
        return InputExamples(lambda rows, _: self.pictures[rows], self.labels, preprocess=preprocess)


def measure(settings: Settings) -> Result:
    """Photos per second of both, their ratio, and the accuracy that a fine-tuning reaches in each of the ways."""
    folder = settings.data / "cats_dogs"
    photos, test = load_photos(folder / "train"), load_photos(folder / "val")
    measured = [measure_case(case, photos, rounds=settings.runs) for case in CASES]
    chosen = [(figures["precision"], figures["layout"]) for figures in measured]
    tuned = compare_accuracy(photos, test, list(dict.fromkeys([DEFAULT_WAY, *chosen])))
    return Result(
        title="Training on the CPU",
        method=(
            "Whole steps of fine-tuning all stages at 224 × 224 with AdamW, decoding excluded. *Plain*: eager PyTorch "
            "in float32 and its default memory layout. *Chosen*: headstart's loop, gradient clipping included, in the "
            f"precision and layout that it measures and chooses. Median of {settings.runs} rounds in which both take "
            f"turns. Accuracy: of EfficientNet-Lite0 on {len(test.labels)} test photos of cats_dogs after {EPOCHS} "
            f"epochs over {len(photos.labels)} training photos, with a head that begins at random."
        ),
        columns=["what", "way", "photos per second, plain", "chosen", "times faster", "accuracy", "difference"],
        rows=[*map(speed_row, measured), *map(accuracy_row, tuned)],
        figures={"speed": measured, "accuracy": tuned},
        notes=[
            "Difference: test accuracy less that of float32 in the default layout, in percentage points, on the same "
            "photos, with its 95 % interval."
        ],
    )


def load_photos(folder: Path) -> Photos:
    """All photos of some class folders, decoded and cropped by the default backbone's own transform."""
    from PIL import Image
    from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize

    view = Compose([Resize(256, InterpolationMode.BICUBIC), CenterCrop(224)])
    files = sorted(folder.rglob("*.jpg"))
    classes = sorted({file.parent.name for file in files})
    pictures = np.stack([np.asarray(view(Image.open(file).convert("RGB"))) for file in files])
    return Photos(pictures, np.array([classes.index(file.parent.name) for file in files]))


def measure_case(case: Case, photos: Photos, *, rounds: int) -> dict[str, Any]:
    """Photos per second of a backbone, in both ways."""
    backbone, card = open_source(case.backbone)
    examples = photos.examples(card.preprocess)
    task = Classification(2)
    network = Network(backbone, task.build_head(backbone))
    phase = whole_phase(case.batch)
    cost = measure_cost(network, task, train=examples, validation=examples, phase=phase, most_seconds=MEASURING_SECONDS)
    plain = plain_step(network, examples, case.batch)
    chosen = step_of(Loop(network, task, train=examples, validation=examples), phase, (cost.precision, cost.layout))
    seconds = take_turns(
        {"plain": lambda: seconds_of(plain), "chosen": lambda: as_the_loop_does(chosen, cost)}, rounds=rounds
    )
    # The loop makes batches of equal size: as many as there are photos, over the steps that an epoch has.
    chosen_batch = len(examples) / steps_per_epoch(phase, len(examples))
    speeds = {"plain": case.batch / seconds["plain"], "chosen": chosen_batch / seconds["chosen"]}
    return {
        "backbone": card.name,
        "batch": case.batch,
        "precision": cost.precision,
        "layout": cost.layout,
        "threads": cost.threads,
        "images_per_second": speeds,
        "ratio": speeds["chosen"] / speeds["plain"],
    }


def whole_phase(batch: int) -> Phase:
    """All stages train."""
    return Phase("bottom", LearningRates(1e-3, 2e-3, 0.8), epochs=EPOCHS, batch_size=batch, patience=EPOCHS)


def plain_step(network: Network, examples: InputExamples, batch: int) -> Callable[[], None]:
    """One step after the other of the loop that everybody writes, on a copy of the network."""
    backbone, head = copy.deepcopy(network.backbone.model), copy.deepcopy(network.head)
    model = torch.nn.Sequential(backbone, head).train().requires_grad_(True).to(memory_format=torch.contiguous_format)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    chance = np.random.default_rng(0)

    def step() -> None:
        some = examples.batch(chance.choice(len(examples), batch, replace=False), None)
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(some.inputs.contiguous()), some.targets)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step


def as_the_loop_does(step: Callable[[], None], cost: PhaseCost) -> float:
    """Seconds of a step in as many threads as were chosen, with memory kept from step to step."""
    with computing_threads(cost.threads), kept_memory():
        return seconds_of(step)


def seconds_of(step: Callable[[], None]) -> float:
    """Mean seconds of a few steps, after one that is not counted."""
    step()
    begun = time.perf_counter()
    for _ in range(STEPS):
        step()
    return (time.perf_counter() - begun) / STEPS


def take_turns(ways: dict[str, Callable[[], float]], *, rounds: int) -> dict[str, float]:
    """Median over rounds, in each of which every way has its turn."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, measured in ways.items():
            seconds[name].append(measured())
    return {name: statistics.median(values) for name, values in seconds.items()}


def compare_accuracy(photos: Photos, test: Photos, ways: list[Way]) -> list[dict[str, Any]]:
    """Test accuracy of the same fine-tuning in several ways, each against the first."""
    right = [fine_tuned(photos, test, way) for way in ways]
    return [
        {
            "backbone": EFFICIENTNET.backbone.text,
            "precision": precision,
            "layout": layout,
            "accuracy": float(hits.mean()),
            "difference": as_json(paired_difference(hits, right[0])),
        }
        for (precision, layout), hits in zip(ways, right, strict=True)
    ]


def fine_tuned(photos: Photos, test: Photos, way: Way) -> NDArray[np.bool_]:
    """Fine-tunes in this way, keeps the best epoch on every fifth photo, and says which test photos are right."""
    backbone, card = open_source(EFFICIENTNET.backbone)
    held_out = np.arange(len(photos.labels)) % 5 == 0
    train, validation = (photos.select(which).examples(card.preprocess) for which in (~held_out, held_out))
    network, task = begun_network(backbone), Classification(2)
    phase = whole_phase(EFFICIENTNET.batch)
    precision, layout = way
    planned = PlannedPhase(phase, EPOCHS, steps_per_epoch(phase, len(train)), precision, 0.0, layout=layout)
    Loop(network, task, train=train, validation=validation).fit([planned])
    guesses = np.concatenate(answers(network, task, test.examples(card.preprocess))).argmax(axis=1)
    right: NDArray[np.bool_] = guesses == test.labels
    return right


def begun_network(backbone: StagedBackbone) -> Network:
    """The same random head for every way."""
    torch.manual_seed(0)
    return Network(backbone, Classification(2).build_head(backbone))


def as_json(interval: Interval) -> dict[str, float]:
    """A difference with its ends."""
    return {"value": interval.value, "low": interval.low, "high": interval.high}


def speed_row(figures: dict[str, Any]) -> list[str]:
    """One line of the table about speed."""
    speeds = figures["images_per_second"]
    way = f"{figures['precision']}, {figures['layout']}"
    what = f"{figures['backbone']}, batches of {figures['batch']}"
    return [what, way, f"{speeds['plain']:.1f}", f"{speeds['chosen']:.1f}", f"{figures['ratio']:.1f}", "–", "–"]


def accuracy_row(figures: dict[str, Any]) -> list[str]:
    """One line of the table about accuracy."""
    difference = {key: 100 * value for key, value in figures["difference"].items()}
    apart = f"{difference['value']:+.1f} ({difference['low']:+.1f} to {difference['high']:+.1f})"
    if (figures["precision"], figures["layout"]) == DEFAULT_WAY:
        apart = "–"
    way = f"{figures['precision']}, {figures['layout']}"
    return [f"{figures['backbone']}, fine-tuned", way, "–", "–", "–", f"{figures['accuracy']:.3f}", apart]
