"""From the shell to a saved model of texts: headstart's probe against transformers' Trainer on the same weights."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.auto import apart, reached
from benchmarks.fit_speed import median_seconds
from benchmarks.processes import HEADSTART, Finished, run
from benchmarks.results import Result
from benchmarks.sentence_encoder import read_table
from benchmarks.settings import Settings

EPOCHS, BATCH = 3, 8
#: Of the Trainer in every round; they stand for all of them where it is not run to its end.
SHARE = 40


def measure(settings: Settings) -> Result:
    """Wall-clock seconds of both, their ratio, and the paired difference of their test accuracy."""
    data = settings.data / "sst2"
    with tempfile.TemporaryDirectory() as name:
        folder, cache = Path(name), Path(name) / "cache"
        fit(data / "dev.tsv", folder / "converting", "--no-scratch", cache=cache)
        bare, share = [], []
        steps = EPOCHS * ceil(len(read_table(data / "train.tsv")) / BATCH)
        for turn in range(settings.runs):
            bare.append(fit(data, folder / f"bare-{turn}", "--no-scratch", cache=cache))
            share.append(trainer(data, steps=SHARE))
        full = [fit(data, folder / f"full-{turn}", cache=cache) for turn in range(settings.plain_runs)]
        plain = [trainer(data) for _ in range(settings.plain_runs)] if settings.full else []
        ours = predict(folder / "bare-0", data / "test.tsv", cache=cache)
    figures = {
        "bare": median_seconds(bare),
        "full": median_seconds(full),
        "trainer": median_seconds(plain) if plain else extrapolated(share, steps),
        "trainer_in_full": [{key: value for key, value in one.json.items() if key != "predictions"} for one in plain],
        "steps": steps,
        "share": [{key: value for key, value in one.json.items() if key != "predictions"} for one in share],
        "bare_seconds": [one.seconds for one in bare],
        "bare_steps": bare[0].json["seconds"],
        "engine": bare[0].json["engine"],
        "probe": bare[0].json["test"]["accuracy"],
        "verdict": full[0].json["verdict"],
        "load": os.getloadavg()[2],
        **(judged(ours, plain[0].json["predictions"], data / "test.tsv") if plain else {}),
    }
    return Result(
        title="`headstart fit` on texts against transformers' Trainer",
        method=(
            "Whole processes from the shell on sst2 and all-MiniLM-L6-v2: `headstart fit sst2 --strategy probe "
            "--no-scratch`, report included, all features computed anew, the model converted by an earlier run on "
            "fewer texts; the same with the networks from random weights that the verdict also compares with (30 s "
            f"each); and `benchmarks/trainer_loop.py`, {EPOCHS} epochs of the Trainer of transformers "
            f"{version('transformers')} with its defaults over all weights. Medians of {settings.runs} runs in turns "
            f"(with networks {settings.plain_runs})."
        ),
        columns=["what", "seconds", "Trainer's time over it", "test accuracy", "less the Trainer's"],
        rows=rows_of(figures),
        figures=figures,
        notes=notes_of(figures),
    )


def fit(data: Path, out: Path, *options: str, cache: Path) -> Finished:
    """One whole ``headstart fit`` of the probe; no features are kept from before."""
    run([HEADSTART, "cache", "clear", "features"], cache=cache)
    fixed = ["--strategy", "probe", "--seed", "0", "--json"]
    return run([HEADSTART, "fit", str(data), "--out", str(out), *fixed, *options], cache=cache)


def trainer(data: Path, *, steps: int | None = None) -> Finished:
    """The Trainer's program, whole or a few of its steps."""
    program = [sys.executable, "-m", "benchmarks.trainer_loop", str(data / "train.tsv"), str(data / "test.tsv")]
    return run([*program, *(["--steps", str(steps)] if steps else [])])


def extrapolated(share: Sequence[Finished], steps: int) -> float:
    """Seconds that all steps would take, start-up included and testing left out."""
    per_step = statistics.median(one.json["training"] / one.json["steps"] for one in share)
    start_up = statistics.median(one.seconds - one.json["training"] for one in share)
    return float(start_up + steps * per_step)


def predict(run_folder: Path, table: Path, *, cache: Path) -> list[str]:
    """What a run predicts for every row of a table, in order."""
    finished = run([HEADSTART, "predict", str(run_folder), str(table), "--json"], cache=cache)
    return [entry["label"] for entry in finished.json["predictions"]]


def judged(ours: Sequence[str], theirs: Sequence[str], table: Path) -> dict[str, Any]:
    """The Trainer's accuracy and what ours is less it, on the same texts."""
    from headstart.evaluation.intervals import wilson
    from headstart.evaluation.paired import paired_difference

    labels = [label for _, label in read_table(table)]
    right = [
        np.array([guess == label for guess, label in zip(guesses, labels, strict=True)]) for guesses in (ours, theirs)
    ]
    gain = paired_difference(*right)
    return {
        "trainer_accuracy": wilson(int(right[1].sum()), len(labels)).to_json(),
        "difference": {"difference": gain.value, "low": gain.low, "high": gain.high},
    }


def rows_of(figures: dict[str, Any]) -> list[list[str]]:
    """The lines of the table."""
    took = {key: f"{figures[key]:.0f} s" for key in ("full", "trainer")}
    times = {key: f"{figures['trainer'] / figures[key]:.1f}" for key in ("bare", "full")}
    ours = [reached(figures["probe"]), apart(figures["difference"]) if "difference" in figures else "–"]
    theirs = reached(figures["trainer_accuracy"]) if "trainer_accuracy" in figures else "–"
    return [
        [f"probe, `--no-scratch`, {figures['engine']}", f"{figures['bare']:.1f} s", times["bare"], *ours],
        ["probe, with networks from random weights", took["full"], times["full"], *ours],
        [f"Trainer, {EPOCHS} epochs of all weights", took["trainer"], "1", theirs, "–"],
    ]


def notes_of(figures: dict[str, Any]) -> list[str]:
    """What a reader must know to judge the table."""
    share = [one["training"] / one["steps"] for one in figures["share"]]
    per_step = ", ".join(f"{1000 * seconds:.0f}" for seconds in share)
    if figures["trainer_in_full"]:
        whole = figures["trainer_in_full"][0]
        measured = f"The Trainer was run to its end, {1000 * whole['training'] / whole['steps']:.0f} ms for each step."
    else:
        measured = "The Trainer's time is extrapolated; `--full` runs it to its end, and prints its accuracy."
    return [
        "Difference: in percentage points, on the same texts, with its 95 % interval. The probe trains nothing but a "
        "linear head; what fine-tuning brings is in the table about the quality of texts.",
        f"{measured} {SHARE} of its {figures['steps']} steps between our runs took, in milliseconds: {per_step}.",
        f"The load of the machine over the last fifteen minutes was {figures['load']:.1f}.",
    ]
