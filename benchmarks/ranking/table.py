"""The comparison: who takes part, how well each score agrees with what was measured, and the table of it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.ranking.agreement import Agreement, agreements
from benchmarks.ranking.candidates import backbones
from benchmarks.ranking.data import TESTED, TRAINED, data_sets
from benchmarks.ranking.finetuned import EPOCHS
from benchmarks.ranking.measured import Row, measured_rows
from benchmarks.results import Result
from benchmarks.settings import Settings
from headstart.transfer.scores.contract import DEFAULT_SCORE, SCORES, Evidence

#: What people sort by who compute nothing.
TRIVIAL = {"imagenet": "ImageNet accuracy", "parameters": "parameters", "dim": "number of features"}
#: The shape of features on which LogME is timed, and their classes.
LOGME_SHAPE, LOGME_CLASSES = (10_000, 1280), 100

Agreements = Mapping[str, Agreement]


def measure(settings: Settings) -> Result:
    """The agreement of every score with measured accuracy, over all data sets."""
    weights = Path(os.environ.get("HEADSTART_TEST_WEIGHTS") or settings.data.parent / "weights")
    rows = [
        row
        for name, read in data_sets(settings.data).items()
        for backbone in backbones(weights)
        for row in measured_rows(read, backbone, name, finetune=settings.finetune)
    ]
    return result(rows, logme_seconds=logme_seconds())


def result(rows: Sequence[Row], *, logme_seconds: Mapping[str, float]) -> Result:
    """All comparisons of measured rows as one table."""
    compared = {title: _agreements(taking_part, outcome) for title, (taking_part, outcome) in _compared(rows).items()}
    return Result(
        title="What orders backbones as their probes do",
        method=_method(rows),
        columns=["score", *(f"{what}, {title}" for title in compared for what in ("tau", "regret")), "seconds each"],
        rows=[_cells(score, compared.values(), rows) for score in [*SCORES, *TRIVIAL]],
        figures={
            "measured": _by_data(rows),
            "logme_seconds": dict(logme_seconds),
            "agreement": {
                title: {score: agreement.to_json() for score, agreement in found.items()}
                for title, found in compared.items()
            },
        },
        notes=_notes(logme_seconds),
    )


def logme_seconds() -> dict[str, float]:
    """LogME on random features of :data:`LOGME_SHAPE`: fastest and median of 15, and how busy the machine was."""
    generator = np.random.default_rng(0)
    features = np.maximum(generator.standard_normal(LOGME_SHAPE, dtype=np.float32), 0)
    evidence = Evidence(features, generator.integers(0, LOGME_CLASSES, LOGME_SHAPE[0]), LOGME_CLASSES)
    seconds = []
    for _ in range(15):
        begun = time.perf_counter()
        SCORES["logme"].compute(evidence)
        seconds.append(time.perf_counter() - begun)
    return {"fastest": min(seconds), "median": float(np.median(seconds)), "load": os.getloadavg()[0]}


def _by_data(rows: Sequence[Row]) -> dict[str, dict[str, dict[str, float]]]:
    """Data set to candidate to what was measured: probe, fine-tuned, and every score that exists."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for row in rows:
        figures = {"probe accuracy": row.accuracy, "fine-tuned": row.finetuned, **row.scores}
        there = {name: value for name, value in figures.items() if value is not None}
        found.setdefault(row.data, {})[f"{row.backbone}, {row.stage}"] = there
    return found


def _compared(rows: Sequence[Row]) -> dict[str, tuple[list[Row], str]]:
    """Title of each comparison to who takes part and what was measured of them."""
    whole = [row for row in rows if row.is_whole]
    sourced = [row for row in whole if row.scores["leep"] is not None]
    found = {
        f"{_count(whole)} backbones": (whole, "accuracy"),
        f"the {_count(sourced)} with a source head": (sourced, "accuracy"),
        f"{_count(rows)} cuts and random ones too": (list(rows), "accuracy"),
    }
    unfinished = {row.data for row in whole if row.finetuned is None}
    if tuned := [row for row in whole if row.data not in unfinished]:
        found[f"{_count(tuned)} backbones, fine-tuned"] = (tuned, "finetuned")
    return found


def _count(rows: Sequence[Row]) -> int:
    return len({(row.backbone, row.stage) for row in rows})


def _agreements(rows: Sequence[Row], outcome: str) -> Agreements:
    """Of every score that exists for all of them, and of the trivial rankers."""
    everywhere = [score for score in SCORES if all(row.scores[score] is not None for row in rows)]
    values = [{**row.scores, **{name: getattr(row, name) for name in TRIVIAL}} for row in rows]
    return agreements(
        [row.data for row in rows],
        {score: np.array([row[score] for row in values], dtype=float) for score in [*everywhere, *TRIVIAL]},
        measured=np.array([getattr(row, outcome) for row in rows]),
        against=DEFAULT_SCORE,
    )


def _cells(score: str, compared: Iterable[Agreements], rows: Sequence[Row]) -> list[str]:
    label = SCORES[score].label if score in SCORES else TRIVIAL[score]
    cells = [f"**{label}**" if score == DEFAULT_SCORE else label]
    for found in compared:
        there = found.get(score)
        cells += [there.tau_text, there.regret_text] if there else ["n/a", "n/a"]
    wide = [row.seconds[score] for row in rows if score in SCORES and row.top and row.scores[score] is not None]
    return [*cells, f"{np.median(wide):.2f}" if wide else "0"]


def _method(rows: Sequence[Row]) -> str:
    text = (
        f"{len({row.data for row in rows})} data sets; in each, every score from at most {TRAINED:,} training items, "
        f"against the test accuracy of headstart's probe, trained on the same items and judged on at most {TESTED:,} "
        "others. Tau: Kendall's tau with hyperbolic weights (`scipy.stats.weightedtau`), the mean over data sets. "
        "Regret: test accuracy of the best candidate less that of the first in the score's order, in percentage "
        "points, the mean over data sets. In brackets the 95 % interval of a bootstrap over data sets."
    )
    if any(row.finetuned is not None for row in rows):
        text += (
            f" Fine-tuned: against test accuracy after {EPOCHS} epochs of all stages, on the smallest data sets alone."
        )
    return text


def _notes(logme_seconds: Mapping[str, float]) -> list[str]:
    shape = " × ".join(f"{size:,}" for size in LOGME_SHAPE)
    return [
        f"LogME on {shape} features in {LOGME_CLASSES} classes: {logme_seconds['fastest']:.2f} s, the fastest of "
        f"15; median {logme_seconds['median']:.2f} s at a load of {logme_seconds['load']:.1f}.",
        "Seconds each: median over data sets and whole backbones, computing the features not counted.",
        "n/a: a score that needs the source's classifier, where a candidate has none.",
        "ImageNet accuracy is the authors' figure, 0 for what was never trained for it; that of a cut, and its "
        "parameters, are its backbone's.",
    ]
