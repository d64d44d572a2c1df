"""What a probe reaches beside everything that knows nothing of the pretraining, and what ``auto`` makes of a budget."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.auto import apart, reached
from benchmarks.processes import HEADSTART, run
from benchmarks.results import Result

COLUMNS = ["data", "probe", "frozen, random weights", "plain model", "small network", "same architecture", "verdict"]
TUNED_COLUMNS = ["auto", "less the probe", "saved"]
#: What the baselines of a run are called in a table, by how their names begin.
_NETWORKS = {"small": "small network", "same architecture": "same architecture"}


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Attributes:
        name: What it is called there.
        data: The data, or those of each fold.
        options: What else the command line needs to read them, or to judge them.
        budget: For ``--strategy auto``; ``None`` leaves it out.
    """

    name: str
    data: Sequence[Path]
    options: Sequence[str] = ()
    budget: str | None = None


def measure_cases(title: str, cases: Callable[[Path], Sequence[Case]]) -> Result:
    """All cases, one after the other; ``cases`` may write data of its own into the folder it is given."""
    with tempfile.TemporaryDirectory() as name:
        measured = [measure_case(case, Path(name) / "runs") for case in cases(Path(name))]
    return table(title, measured)


def table(title: str, measured: Sequence[dict[str, Any]]) -> Result:
    """The cases side by side."""
    return Result(
        title=title,
        method=(
            "Test accuracy with its 95 % interval, one run each: `headstart fit DATA --strategy probe` with baselines, "
            "networks of random weights among them (30 s each); the same probe of the backbone with random weights; "
            "`--strategy auto --budget BUDGET --no-scratch`, where a budget is given. Validation alone decides what is "
            "saved and which opponent the verdict is against."
        ),
        columns=[*COLUMNS, *TUNED_COLUMNS],
        rows=[row(figures) for figures in measured],
        figures={figures["data"]: figures for figures in measured},
        notes=[
            "Differences: in percentage points, on the same test items, with their 95 % interval. *: not converged "
            "within its time, and so never compared with.",
            *(note for figures in measured for note in notes_of(figures)),
        ],
    )


def measure_case(case: Case, folder: Path) -> dict[str, Any]:
    """All figures of one case."""
    return {"data": case.name, "budget": case.budget, **probed(case, folder), **tuned(case, folder)}


def probed(case: Case, folder: Path) -> dict[str, Any]:
    """What the probe reaches, its opponents, and the same probe of random weights."""
    options = ["--strategy", "probe", *case.options]
    judged = [fit(data, folder, options) for data in case.data]
    twins = [fit(data, folder, [*options, "--no-scratch", "--random-weights"]) for data in case.data]
    return {
        "backbone": judged[0]["backbone"],
        "probe": pooled([metrics["test"]["accuracy"] for metrics in judged], judged),
        "random": pooled([metrics["test"]["accuracy"] for metrics in twins], twins),
        "folds": [{key: metrics[key] for key in ("splits", "candidates", "verdict", "seconds")} for metrics in judged],
        "load": os.getloadavg()[2],
    }


def tuned(case: Case, folder: Path) -> dict[str, Any]:
    """What ``auto`` reaches within its budget; nothing where there is none."""
    if case.budget is None:
        return {}
    options = ["--strategy", "auto", "--budget", case.budget, "--no-scratch", *case.options]
    found = [fit(data, folder, options) for data in case.data]
    return {
        "auto": pooled([metrics["test"]["accuracy"] for metrics in found], found),
        "decisions": [metrics["decision"] for metrics in found],
    }


def fit(data: Path, folder: Path, options: Sequence[str]) -> dict[str, Any]:
    """The metrics of one whole ``headstart fit``."""
    folder.mkdir(exist_ok=True)
    out = folder / f"{len(list(folder.iterdir()))}"
    finished = run([HEADSTART, "fit", str(data), "--out", str(out), "--seed", "0", "--json", *options])
    metrics: dict[str, Any] = finished.json
    return metrics


def pooled(accuracies: Sequence[dict[str, float]], runs: Sequence[dict[str, Any]]) -> dict[str, float]:
    """One accuracy as it is; those of folds together, each test item once, with Wilson's interval."""
    from headstart.evaluation.intervals import wilson

    if len(accuracies) == 1:
        return accuracies[0]
    sizes = [metrics["splits"]["test"] for metrics in runs]
    right = sum(round(found["value"] * size) for found, size in zip(accuracies, sizes, strict=True))
    return wilson(right, sum(sizes)).to_json()


def row(figures: dict[str, Any]) -> list[str]:
    """One line of the table."""
    folds = figures["folds"]
    opponents = [opponent(folds, kind) for kind in ("plain", *_NETWORKS.values())]
    line = [figures["data"], reached(figures["probe"]), reached(figures["random"]), *opponents, verdict(folds)]
    if "auto" not in figures:
        return [*line, "–", "–", "–"]
    gains = [decision["over_probe"] for decision in figures["decisions"]]
    gain = apart(gains[0]) if len(gains) == 1 and gains[0] else "–"
    saved = ", ".join(dict.fromkeys(decision["chosen"] for decision in figures["decisions"]))
    return [*line, f"{reached(figures['auto'])} in {figures['budget']}", gain, saved]


def opponent(folds: Sequence[dict[str, Any]], kind: str) -> str:
    """What the baseline of this kind reached, and whether it counts."""
    found = [next((one for one in fold["candidates"] if kind_of(one) == kind), None) for fold in folds]
    known = [one for one in found if one is not None and one["test"] is not None]
    if len(known) < len(folds):
        reasons = dict.fromkeys(one["status"] for one in found if one is not None)
        return f"– ({', '.join(reasons)})" if reasons else "–"
    together = pooled([one["test"]["accuracy"] for one in known], folds)
    return reached(together) + ("" if all(one["status"] == "ok" for one in known) else "*")


def kind_of(candidate: dict[str, Any]) -> str:
    """Which column of the table a candidate belongs to."""
    if candidate["kind"] != "baseline":
        return "transfer"
    return next((kind for start, kind in _NETWORKS.items() if candidate["name"].startswith(start)), "plain")


def verdict(folds: Sequence[dict[str, Any]]) -> str:
    """What the verdict was; of folds, how often each."""
    verdicts = [fold["verdict"] for fold in folds]
    if len(verdicts) > 1:
        return ", ".join(
            f"{outcome} ({count})" for outcome, count in Counter(one["outcome"] for one in verdicts).items()
        )
    only = verdicts[0]
    return f"{only['outcome']}: {apart(only)} against {only['against']}" if only["against"] else only["outcome"]


def notes_of(figures: dict[str, Any]) -> list[str]:
    """What a reader must know of one line."""
    plain = [one for fold in figures["folds"][:1] for one in fold["candidates"] if kind_of(one) == "plain"]
    names = ", ".join(f"{one['name']} ({one['detail']})" for one in plain)
    about = (
        f"{figures['data']}: {figures['backbone']}; plain model: {names}; load of the machine {figures['load']:.1f}."
    )
    return [about, *(f"{figures['data']}, auto: {decided(one)}" for one in figures.get("decisions", []))]


def decided(decision: dict[str, Any]) -> str:
    """Why ``auto`` saved what it saved, and how its budget ended."""
    reason, ended = decision["reason"], decision["ended"]
    return str(reason if reason.endswith(ended) else f"{reason} {ended}")
