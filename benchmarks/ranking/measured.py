"""What is known of every candidate on every data set: its scores, and the accuracy that they are to foresee.

Features lie in ``HEADSTART_CACHE``, and what was measured of each backbone on each data set in ``ranking/`` beside
them: a run that was stopped goes on where it was, and a new score is computed without anything else anew.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.ranking.candidates import RankedBackbone, cuts
from benchmarks.ranking.data import TESTED, TRAINED, RankingData
from benchmarks.ranking.finetuned import DATA_SETS as FINETUNED
from benchmarks.ranking.finetuned import finetuned_accuracy
from headstart.backbones.converted import ConvertedBackbone
from headstart.core.files import write_json
from headstart.core.home import cache_home
from headstart.core.progress import Silent, Stopwatch
from headstart.data.modality import MODALITIES
from headstart.features.rows import ArrayRows
from headstart.features.store import Table
from headstart.transfer.probe import fit_probe
from headstart.transfer.scores.contract import SCORES, Evidence
from headstart.workflows.gather import compute_features


@dataclass(frozen=True)
class Row:
    """One candidate on one data set.

    Attributes:
        data: The data set.
        backbone: The backbone.
        stage: Where it is cut.
        top: Whether that is its end.
        random: Whether its weights are random.
        imagenet: Top-1 accuracy on ImageNet in percent; 0 where it was never trained for it.
        parameters: Of the whole backbone.
        dim: Features at the cut.
        scores: Score to its value, ``None`` where it does not exist.
        seconds: Score to what computing it took.
        accuracy: Test accuracy of the probe.
        finetuned: Test accuracy after fine-tuning; ``None`` where it was not measured.
    """

    data: str
    backbone: str
    stage: str
    top: bool
    random: bool
    imagenet: float
    parameters: int
    dim: int
    scores: dict[str, float | None]
    seconds: dict[str, float]
    accuracy: float
    finetuned: float | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it is a backbone as it came: not random, and not cut."""
        return self.top and not self.random

    def lacks(self, *, finetune: bool) -> bool:
        """Whether something that is wanted has not been measured."""
        wants_finetuned = finetune and self.is_whole and self.data in FINETUNED
        return not set(SCORES) <= set(self.scores) or (wants_finetuned and self.finetuned is None)


def measured_rows(read: Callable[[], RankingData], backbone: RankedBackbone, name: str, *, finetune: bool) -> list[Row]:
    """The rows of one backbone on one data set, one per cut; what is kept is not measured again.

    Args:
        read: Reads the data set; not called where nothing has to be measured.
        backbone: The backbone.
        name: The data set's.
        finetune: Whether to fine-tune it, too.
    """
    place = cache_home() / "ranking" / f"{TRAINED}-{TESTED}" / name / f"{backbone.name}.json"
    kept = [Row(**values) for values in json.loads(place.read_text())] if place.is_file() else []
    if kept and not any(row.lacks(finetune=finetune) for row in kept):
        return kept
    begun = time.perf_counter()
    rows = list(_measure(read(), backbone, {row.stage: row for row in kept}, finetune=finetune))
    write_json(place, [vars(row) for row in rows])
    print(f"{name}, {backbone.name}: {time.perf_counter() - begun:.0f} s", flush=True)
    return rows


def _measure(data: RankingData, backbone: RankedBackbone, kept: Mapping[str, Row], *, finetune: bool) -> Iterator[Row]:
    """All stages in one pass over the items, and then one matrix of features at a time."""
    converted = backbone.open()
    top = converted.card.top.name
    stages = [top] if backbone.random else [top, *cuts(converted.card)]
    for stage, table in _tables(data, converted, stages).items():
        features = table.take(slice(None)).astype(np.float32)
        row = kept.get(stage) or _new_row(data, backbone, converted, stage, features)
        row = _scored(row, _evidence(data, converted, features, with_source=stage == top))
        if row.lacks(finetune=finetune):
            row = replace(row, finetuned=finetuned_accuracy(converted, features, data))
        yield row


def _tables(data: RankingData, converted: ConvertedBackbone, stages: list[str]) -> Mapping[str, Table]:
    _, found = compute_features(
        data.items, converted, MODALITIES["image"], stages, device="cpu", progress=Silent(), watch=Stopwatch()
    )
    if found.failures:
        raise ValueError(f"Expected all items of {data.name} to be readable, but got {dict(found.failures)}.")
    return found.features


def _new_row(
    data: RankingData,
    backbone: RankedBackbone,
    converted: ConvertedBackbone,
    stage: str,
    features: NDArray[np.float32],
) -> Row:
    return Row(
        data=data.name,
        backbone=backbone.name,
        stage=stage,
        top=stage == converted.card.top.name,
        random=backbone.random,
        imagenet=backbone.imagenet or 0.0,
        parameters=converted.card.parameters,
        dim=features.shape[1],
        scores={},
        seconds={},
        accuracy=probe_accuracy(features, data),
    )


def probe_accuracy(features: NDArray[np.float32], data: RankingData) -> float:
    """Test accuracy of headstart's own probe."""
    train, test = slice(0, data.trained), slice(data.trained, None)
    fitted = fit_probe(ArrayRows(features[train]), data.labels[train], classes=data.classes)
    predicted = fitted.head.probabilities(ArrayRows(features[test])).argmax(axis=1)
    return float((predicted == data.labels[test]).mean())


def _evidence(
    data: RankingData, converted: ConvertedBackbone, features: NDArray[np.float32], *, with_source: bool
) -> Evidence:
    seen = features[: data.trained]
    classifier = converted.source_classifier() if with_source else None
    source = None if classifier is None else classifier.probabilities(seen)
    return Evidence(seen, data.labels[: data.trained], data.classes, source)


def _scored(row: Row, evidence: Evidence) -> Row:
    """The row with every registered score that it lacks."""
    scores, seconds = dict(row.scores), dict(row.seconds)
    for name in SCORES:
        if name not in scores:
            begun = time.perf_counter()
            scores[name] = SCORES[name].compute(evidence) if SCORES[name].exists_for(evidence) else None
            seconds[name] = time.perf_counter() - begun
    return replace(row, scores=scores, seconds=seconds)
