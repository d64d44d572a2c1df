"""What moving the boundary brings: ``--strategy auto`` within a budget against ``--strategy probe``."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.fit_speed import fit
from benchmarks.processes import HEADSTART, Finished, run
from benchmarks.results import Result
from benchmarks.settings import Settings


@dataclass(frozen=True)
class DataSet:
    """A data set of the comparison.

    Attributes:
        name: Its folder.
        budget: What tuning may take, as the command line takes it.
    """

    name: str
    budget: str


DEFAULT_BUDGET = "2m"
DATA_SETS = (DataSet("cifar10", "60s"), DataSet("flowers5", DEFAULT_BUDGET), DataSet("ants_bees", DEFAULT_BUDGET))


def measure(settings: Settings) -> Result:
    """Test accuracy and seconds of both, and the paired difference of what was saved over the probe."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fit("sklearn:digits", folder / "converting", cache=folder / "cache")
        measured = [measure_one(data_set, settings.data, folder) for data_set in DATA_SETS]
    return Result(
        title="`--strategy auto` against `--strategy probe`",
        method=(
            "Whole processes from the shell: `headstart fit DATA --strategy auto --budget BUDGET --no-scratch`, and "
            "the same with `--strategy probe`, one after the other on the test split of the data; features are "
            "computed anew in both, the model was converted by an earlier run on other data. One run of each."
        ),
        columns=["data", "budget", "probe", "auto", "difference", "saved", "trainings", "probe took", "auto took"],
        rows=[row(figures) for figures in measured],
        figures={figures["data"]: figures for figures in measured},
        notes=[
            "Difference: test accuracy of what `auto` saved less the probe's, in percentage points, on the same "
            "photos, with its 95 % interval. Validation alone decides what is saved.",
            *(f"{figures['data']}: {figures['reason']} {figures['ended']}" for figures in measured),
        ],
    )


def measure_one(data_set: DataSet, data: Path, folder: Path) -> dict[str, Any]:
    """All figures of one data set."""
    place, cache = folder / data_set.name, folder / "cache"
    probe = fit(str(data / data_set.name), place / "probe", cache=cache)
    run([HEADSTART, "cache", "clear", "features"], cache=cache)
    auto = fit_auto(str(data / data_set.name), data_set.budget, place / "auto", cache=cache)
    decision = auto.json["decision"]
    return {
        "data": data_set.name,
        "budget": data_set.budget,
        "probe": probe.json["test"]["accuracy"],
        "auto": auto.json["test"]["accuracy"],
        "over_probe": decision["over_probe"],
        "validation": {"probe": validation_accuracy(probe), "auto": validation_accuracy(auto)},
        "chosen": decision["chosen"],
        "reason": decision["reason"],
        "ended": decision["ended"],
        "steps": decision["steps"],
        "probe_seconds": probe.seconds,
        "auto_seconds": auto.seconds,
    }


def fit_auto(data: str, budget: str, out: Path, *, cache: Path) -> Finished:
    """One whole ``headstart fit`` that tunes."""
    options = ["--strategy", "auto", "--budget", budget, "--no-scratch", "--seed", "0", "--json"]
    return run([HEADSTART, "fit", data, "--out", str(out), *options], cache=cache)


def validation_accuracy(fitted: Finished) -> float:
    """Validation accuracy of what a run saved, the first of its candidates."""
    return float(fitted.json["candidates"][0]["validation"]["accuracy"]["value"])


def row(figures: dict[str, Any]) -> list[str]:
    """One line of the table."""
    gain = figures["over_probe"]
    done = sum(step["status"] == "ok" for step in figures["steps"])
    return [
        figures["data"],
        figures["budget"],
        reached(figures["probe"]),
        reached(figures["auto"]),
        "–" if gain is None else apart(gain),
        figures["chosen"],
        f"{done} of {len(figures['steps'])}",
        f"{figures['probe_seconds']:.0f} s",
        f"{figures['auto_seconds']:.0f} s",
    ]


def reached(accuracy: dict[str, float]) -> str:
    """An accuracy with its interval."""
    return f"{accuracy['value']:.3f} ({accuracy['low']:.3f} to {accuracy['high']:.3f})"


def apart(gain: dict[str, float]) -> str:
    """A difference in percentage points with its interval."""
    points = {key: 100 * value for key, value in gain.items()}
    return f"{points['difference']:+.1f} ({points['low']:+.1f} to {points['high']:+.1f})"
