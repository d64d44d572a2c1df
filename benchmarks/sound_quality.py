"""How good the offline default for recordings is, beside what knows nothing of its pretraining."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path

from benchmarks.quality import Case, measure_cases
from benchmarks.results import Result
from benchmarks.settings import Settings

FOLDS = ("1", "2", "3", "4", "5")


def measure(settings: Settings) -> Result:
    """Test accuracy on spoken digits, on who speaks them, and on sounds of the surroundings."""
    fsdd = [settings.data / "fsdd"]

    def cases(folder: Path) -> Sequence[Case]:
        return (
            Case("fsdd, digits", fsdd, ["--label-pattern", r"(\d)_[a-z]+_\d+\.wav$"], budget="5m"),
            Case("fsdd, speakers", fsdd, ["--label-pattern", r"\d_([a-z]+)_\d+\.wav$"]),
            Case("esc10, five folds", write_folds(settings.data / "esc10", folder / "esc10")),
        )

    return measure_cases("Recordings: the probe, its opponents, and `auto`", cases)


def write_folds(data: Path, folder: Path) -> list[Path]:
    """One table per fold of ESC-10, in which that fold is the test split; the recordings beside them."""
    shutil.copytree(data / "audio", folder / "audio")
    with (data / "meta.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    for fold in FOLDS:
        with (folder / f"fold-{fold}.csv").open("w", newline="") as lines:
            table = csv.writer(lines)
            table.writerow(["file", "label", "split"])
            table.writerows([row["file"], row["label"], "test" if row["fold"] == fold else "train"] for row in rows)
    return [folder / f"fold-{fold}.csv" for fold in FOLDS]
