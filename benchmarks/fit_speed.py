"""From the shell to a saved model: headstart's probe against a plain PyTorch loop on the same weights."""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.processes import HEADSTART, Finished, run
from benchmarks.results import Result
from benchmarks.settings import Settings

EPOCHS = 25
ALL_COLD_RUNS = 3


@dataclass(frozen=True)
class DataSet:
    """A data set of the comparison.

    Attributes:
        name: Its folder.
        test: The folder in it that is the test split.
        plain_epochs: How many epochs the plain loop is run before it is extrapolated; 0 leaves it out.
    """

    name: str
    test: str
    plain_epochs: int


DATA_SETS = (
    DataSet("ants_bees", "val", EPOCHS),
    DataSet("cats_dogs", "val", EPOCHS),
    DataSet("cifar10", "test", 2),
    DataSet("flowers5", "val", 0),
)


def measure(settings: Settings) -> Result:
    """Wall-clock seconds of both, their ratio, and the paired difference of their test accuracy."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fit("sklearn:digits", folder / "converting", cache=folder / "cache")
        measured = [measure_one(data_set, settings, folder) for data_set in DATA_SETS]
    return Result(
        title="`headstart fit` against a plain PyTorch loop",
        method=(
            "Whole processes from the shell: `headstart fit DATA --strategy probe --no-scratch`, report "
            f"included, and `benchmarks/plain_loop.py`, {EPOCHS} epochs in fp32 on the same frozen weights. "
            "*Cold features*: the model was converted by an earlier run on other data, all features are "
            "computed. *All cold*: an empty cache, conversion and engine trial included. Medians of "
            f"{settings.runs} runs (all cold {ALL_COLD_RUNS}, plain loop {settings.plain_runs}). "
            "*Times faster*: the plain loop's time over that with cold features."
        ),
        columns=[
            "data",
            "cold features",
            "warm",
            "all cold",
            "plain loop",
            "times faster",
            "accuracy",
            "difference",
        ],
        rows=[row(figures) for figures in measured],
        figures={one["data"]: one for one in measured},
        notes=[
            "The plain loop follows PyTorch's transfer-learning tutorial, which scores the test pictures "
            "after every epoch; that is a quarter to a third of its time.",
            "Difference: headstart's test accuracy minus the plain loop's in percentage points, on the same "
            "pictures, with its 95 % interval.",
            *(extrapolated(one) for one in measured if one.get("plain_epochs", EPOCHS) < EPOCHS),
        ],
    )


def measure_one(data_set: DataSet, settings: Settings, folder: Path) -> dict[str, Any]:
    """All figures of one data set; cold and warm runs alternate, so that a busy moment hits both."""
    data, place, cache = str(settings.data / data_set.name), folder / data_set.name, folder / "cache"
    cold, warm = [], []
    for turn in range(settings.runs):
        run([HEADSTART, "cache", "clear", "features"], cache=cache)
        cold.append(fit(data, place / f"cold-{turn}", cache=cache))
        warm.append(fit(data, place / f"warm-{turn}", cache=cache))
    all_cold = [fit(data, place / f"all-cold-{turn}", cache=place / f"cache-{turn}") for turn in range(ALL_COLD_RUNS)]
    figures = {
        "data": data_set.name,
        "cold_features": median_seconds(cold),
        "warm_features": median_seconds(warm),
        "all_cold": median_seconds(all_cold),
        "accuracy": cold[0].json["test"]["accuracy"],
    }
    if not data_set.plain_epochs:
        return figures
    epochs = EPOCHS if settings.full else data_set.plain_epochs
    plain = [plain_loop(settings.data / data_set.name, data_set.test, epochs) for _ in range(settings.plain_runs)]
    seconds = statistics.median(seconds for seconds, _ in plain)
    test = settings.data / data_set.name / data_set.test
    return figures | {
        "plain_loop": seconds,
        "plain_epochs": epochs,
        "ratio": seconds / figures["cold_features"],
        "difference": paired(predict(place / "cold-0", test, cache=cache), plain[0][1]),
    }


def fit(data: str, out: Path, *, cache: Path) -> Finished:
    """One whole ``headstart fit``."""
    options = ["--strategy", "probe", "--no-scratch", "--seed", "0", "--json"]
    return run([HEADSTART, "fit", data, "--out", str(out), *options], cache=cache)


def plain_loop(data: Path, test: str, epochs: int) -> tuple[float, dict[str, str]]:
    """Seconds of 25 epochs of the plain loop, start-up included, and what it predicts in the end."""
    module = [sys.executable, "-m", "benchmarks.plain_loop"]
    finished = run([*module, str(data / "train"), str(data / test), "--epochs", str(epochs)])
    per_epoch = finished.json["epochs"]
    start_up = finished.seconds - sum(per_epoch)
    return start_up + EPOCHS * statistics.mean(per_epoch), finished.json["predictions"]


def predict(run_folder: Path, test: Path, *, cache: Path) -> dict[str, str]:
    """What a run predicts for every test file, by the path in the test folder."""
    finished = run([HEADSTART, "predict", str(run_folder), str(test), "--json"], cache=cache)
    return {str(Path(entry["id"]).relative_to(test)): entry["label"] for entry in finished.json["predictions"]}


def paired(ours: dict[str, str], theirs: dict[str, str]) -> dict[str, float]:
    """The difference in accuracy on the same files; a file's class is the folder it lies in."""
    from headstart.evaluation.paired import paired_difference

    if ours.keys() != theirs.keys():
        raise ValueError(f"Expected predictions for the same files, but {len(ours.keys() ^ theirs.keys())} differ.")
    files = sorted(ours)
    right = [np.array([Path(file).parts[0] == guesses[file] for file in files]) for guesses in (ours, theirs)]
    interval = paired_difference(*right)
    return {"value": interval.value, "low": interval.low, "high": interval.high}


def median_seconds(finished: Sequence[Finished]) -> float:
    """The median wall-clock time."""
    return statistics.median(process.seconds for process in finished)


def row(figures: dict[str, Any]) -> list[str]:
    """One line of the table."""
    times = [f"{figures[key]:.2f} s" for key in ("cold_features", "warm_features", "all_cold")]
    accuracy = figures["accuracy"]
    reached = f"{accuracy['value']:.3f} ({accuracy['low']:.3f} to {accuracy['high']:.3f})"
    if "plain_loop" not in figures:
        return [figures["data"], *times, "–", "–", reached, "–"]
    difference = {key: 100 * value for key, value in figures["difference"].items()}
    apart = f"{difference['value']:+.1f} ({difference['low']:+.1f} to {difference['high']:+.1f})"
    against = [f"{figures['plain_loop']:.0f} s", f"{figures['ratio']:.0f}"]
    return [figures["data"], *times, *against, reached, apart]


def extrapolated(figures: dict[str, Any]) -> str:
    """What a reader must know of a plain loop that was not run to its end."""
    return (
        f"{figures['data']}: the plain loop's time is extrapolated from {figures['plain_epochs']} of "
        f"{EPOCHS} epochs, and its accuracy is the one after these; `--full` runs all of them."
    )
