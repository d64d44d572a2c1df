"""ESC-10 as its authors judge it: five folds, each tested once by probes that learnt from the other four."""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import headstart
from headstart.evaluation.intervals import Interval, wilson

FOLDS = ("1", "2", "3", "4", "5")
PRETRAINED, PLAIN, TWIN = "linear probe", "MFCC statistics", "random twin"


def five_fold_accuracies(data: Path, *, folds: Sequence[str] = FOLDS) -> dict[str, Interval]:
    """Accuracy over all folds with Wilson's interval: of the default probe, of what needs no pretraining beside it.

    That is the plain baseline, and a probe on the same architecture with random weights.

    Args:
        data: The folder of ESC-10: ``meta.csv`` with the columns ``file``, ``fold`` and ``label``, and ``audio/``.
        folds: Those that are tested.
    """
    right: Counter[str] = Counter()
    tested = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(data / "audio", folder / "audio")
        for fold in folds:
            table = _with_splits(data / "meta.csv", folder / f"fold{fold}.csv", fold)
            run = _probe(table, folder / f"probe{fold}", random_weights=False)
            twin = _probe(table, folder / f"twin{fold}", random_weights=True)
            items = run.metrics["splits"]["test"]
            tested += items
            for candidate, accuracy in {**_accuracies(run), TWIN: _accuracies(twin)[PRETRAINED]}.items():
                right[candidate] += round(items * accuracy)
    return {candidate: wilson(count, tested) for candidate, count in right.items()}


def _with_splits(meta: Path, table: Path, fold: str) -> Path:
    with meta.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    lines = ["file,label,split", *(f"{row['file']},{row['label']},{_split(row['fold'] == fold)}" for row in rows)]
    table.write_text("\n".join(lines) + "\n")
    return table


def _split(tested: bool) -> str:
    return "test" if tested else "train"


def _probe(table: Path, out: Path, *, random_weights: bool) -> headstart.Run:
    return headstart.fit(table, out=out, strategy="probe", scratch=False, random_weights=random_weights)


def _accuracies(run: headstart.Run) -> dict[str, float]:
    rows = run.metrics["candidates"]
    return {row["name"]: float(row["test"]["accuracy"]["value"]) for row in rows if row["test"] is not None}
