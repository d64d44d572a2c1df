"""Which path from file to feature may be used on *this* data.

A fast path (scaled decoding, a lower precision) is admitted if, on a sample of the user's own items, it agrees with the
source model behind the source library's own transform:

* the 1st percentile over items of the cosine between both features is at least :data:`LEAST_COSINE` at every stage, and
* at most :data:`MOST_CHANGED` of the out-of-fold predictions of a classifier trained on them change.

The source model is stood for by the 32-bit engine, whose equality with it was checked when the model was converted, so
that nothing here imports the source's library.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.converted import FORMAT, ConvertedBackbone
from headstart.backbones.preprocess import as_batch, preprocess_to_json
from headstart.core.errors import DataError
from headstart.core.files import write_json
from headstart.core.machine import cores, cpu_identity, version
from headstart.core.progress import Progress, Silent
from headstart.data.items import Item
from headstart.data.modality import Modality
from headstart.features.engines.contract import Engine, EngineSpec
from headstart.features.extraction import Digests
from headstart.features.folds import stratified_folds
from headstart.features.principal_axes import principal_axes
from headstart.features.rows import ArrayRows
from headstart.features.solver import solve
from headstart.features.store import feature_home
from headstart.features.trial import TrialRow, reference_spec, start_engine

LEAST_COSINE = 0.99
MOST_CHANGED = 0.01
LEAST_SAMPLE, MOST_SAMPLE, SAMPLE_SHARE = 32, 256, 32
_BATCH = 32
_FOLDS = 4
_STRENGTH = 100.0

Features = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Admission:
    """What was found about one path on a sample of the user's items.

    Attributes:
        engine: The path.
        admitted: Whether features may come from it.
        sample: How many items it was judged on.
        cosine: 1st percentile of the cosine with the source model's features, the smallest over stages.
        changed: Share of out-of-fold predictions that differ; ``None`` where the sample has no two classes.
        inputs_per_second: From the engine trial; ``None`` for the reference where it was not in the trial.
    """

    engine: EngineSpec
    admitted: bool
    sample: int
    cosine: float
    changed: float | None
    inputs_per_second: float | None = None


@dataclass(frozen=True)
class Choice:
    """The path to use, everything that was judged on the way, and the engine where it is running already."""

    spec: EngineSpec
    judged: tuple[Admission, ...]
    running: Engine | None = None


def choose_path(
    items: Sequence[Item],
    digests: Digests,
    *,
    backbone: ConvertedBackbone,
    modality: Modality,
    stages: Sequence[str],
    trial: Sequence[TrialRow],
    progress: Progress | None = None,
) -> Choice:
    """The fastest admitted path for these items; the answer is kept, and read back for the same sample.

    Args:
        items: All items; a sample of them is judged, the labelled ones first.
        digests: Their identities.
        backbone: The converted backbone.
        modality: How an item is prepared.
        stages: Stages whose features are wanted.
        trial: The engines, fastest first.
        progress: Who is told.
    """
    progress = progress or Silent()
    sample = _sample(items, digests)
    place = _place(backbone, modality, stages, [(digests.values[place], items[place].label) for place in sample], trial)
    if place.is_file():
        return _from_json(place)
    progress.start("admission", total=len(sample))
    judged, engine = _judge([items[place] for place in sample], backbone, modality, stages, trial)
    write_json(place, [asdict(admission) for admission in judged])
    chosen = judged[-1]
    progress.finish(f"{chosen.engine}: cosine {chosen.cosine:.4f} on {chosen.sample} {modality.item_word}s")
    return Choice(chosen.engine, tuple(judged), engine)


def _judge(
    items: Sequence[Item],
    backbone: ConvertedBackbone,
    modality: Modality,
    stages: Sequence[str],
    trial: Sequence[TrialRow],
) -> tuple[list[Admission], Engine]:
    """Judges path after path, fastest first, until one is admitted; the reference is the last resort."""
    with ThreadPoolExecutor(max_workers=cores()) as pool:
        # The engines that are certainly needed start while the sample is decoded; they compute one after the other.
        engines = {spec: pool.submit(start_engine, spec, backbone, stages) for spec in _certain(trial)}
        prepared = list(pool.map(partial(_prepared_both_ways, backbone=backbone, modality=modality), items))
    sample = [found for found in prepared if found is not None]
    reference_engine = engines[reference_spec()].result()
    if not sample:
        return [Admission(reference_spec(), True, 0, 1.0, None)], reference_engine
    labels = [item.label for item, _, _ in sample]
    reference = _compute(reference_engine, [inputs for _, inputs, _ in sample])
    judged = []
    for row in trial:
        spec = _engine_alone(row.engine)
        engine = engines[spec].result() if spec in engines else start_engine(spec, backbone, stages)
        features = _compute(engine, [inputs for _, _, inputs in sample])
        cosine = min(percentile_cosine(features[stage], reference[stage]) for stage in stages)
        changed = changed_predictions(features[stages[-1]], reference[stages[-1]], labels)
        admitted = cosine >= LEAST_COSINE and (changed is None or changed <= MOST_CHANGED)
        judged.append(Admission(row.engine, admitted, len(sample), cosine, changed, row.inputs_per_second))
        if admitted:
            return judged, engine
    return [*judged, Admission(reference_spec(), True, len(sample), 1.0, 0.0)], reference_engine


def _certain(trial: Sequence[TrialRow]) -> set[EngineSpec]:
    return {reference_spec(), *(_engine_alone(row.engine) for row in trial[:1])}


def _engine_alone(spec: EngineSpec) -> EngineSpec:
    """The path without its transform: an engine does not know how its inputs were made."""
    return replace(spec, transform="source")


def _prepared_both_ways(
    item: Item, *, backbone: ConvertedBackbone, modality: Modality
) -> tuple[Item, NDArray[Any], NDArray[Any]] | None:
    """An item with its input by the source's own transform and by the fast path; ``None`` where it is unreadable."""
    preprocess = backbone.card.preprocess
    try:
        content = item.source.read()
        return item, modality.prepare_reference(content, preprocess), modality.prepare(content, preprocess).inputs
    except (DataError, OSError):
        return None  # the pass over the data will name it


def percentile_cosine(features: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    """The 1st percentile over rows ``(n, D)`` of the cosine between two versions of the same features."""
    products = np.einsum("nd,nd->n", features, reference, dtype=np.float64)
    lengths = np.linalg.norm(features, axis=1) * np.linalg.norm(reference, axis=1)
    cosines = np.where(lengths > 0, products / np.maximum(lengths, 1e-30), 1.0)
    return float(np.percentile(cosines, 1, method="lower"))


def changed_predictions(
    features: NDArray[np.float32], reference: NDArray[np.float32], labels: Sequence[str | None]
) -> float | None:
    """The share of out-of-fold predictions that differ between two versions of the same features.

    Args:
        features: ``(n, D)``.
        reference: ``(n, D)``.
        labels: One per row.

    Returns:
        In [0, 1]; ``None`` where fewer than two classes have two examples.
    """
    names = sorted({label for label in labels if label is not None and labels.count(label) > 1})
    rows = np.array([place for place, label in enumerate(labels) if label in names], dtype=np.intp)
    if len(names) < 2:
        return None
    targets = np.array([names.index(str(labels[row])) for row in rows], dtype=np.int64)
    folds = stratified_folds(targets, count=_FOLDS, seed=0)
    before = _out_of_fold(reference[rows], targets, folds)
    return float((_out_of_fold(features[rows], targets, folds) != before).mean())


def _out_of_fold(
    features: NDArray[np.float32], targets: NDArray[np.int64], folds: NDArray[np.int64]
) -> NDArray[np.int64]:
    axes = principal_axes(ArrayRows(features))
    coordinates = axes.rotate(features)
    members = np.stack([folds != fold for fold in range(_FOLDS)])
    solution = solve(
        ArrayRows(coordinates),
        targets,
        classes=int(targets.max()) + 1,
        strengths=np.full(_FOLDS, _STRENGTH),
        members=members,
        variances=axes.variances,
    )
    logits = np.einsum("nr,nrc->nc", coordinates, solution.coefficients[folds]) + solution.bias[folds]
    return np.asarray(logits.argmax(axis=1), dtype=np.int64)


def _sample(items: Sequence[Item], digests: Digests) -> list[int]:
    """Places of a sample that depends on the items' content, so that it hardly moves when some are added.

    Items that somebody has put into a test split come last: their labels decide nothing.
    """
    there = [place for place in range(len(items)) if place not in digests.failures]
    size = min(MOST_SAMPLE, max(LEAST_SAMPLE, len(there) // SAMPLE_SHARE))

    def order(place: int) -> tuple[bool, str]:
        return items[place].label is None or items[place].split == "test", digests.values[place]

    return sorted(there, key=order)[:size]


def _compute(engine: Engine, inputs: Sequence[NDArray[Any]]) -> Features:
    batches = [engine.compute(as_batch(inputs[start : start + _BATCH])) for start in range(0, len(inputs), _BATCH)]
    return {stage: np.concatenate([batch[stage] for batch in batches]) for stage in batches[0]}


def _place(
    backbone: ConvertedBackbone,
    modality: Modality,
    stages: Sequence[str],
    sample: Sequence[tuple[str, str | None]],
    trial: Sequence[TrialRow],
) -> Path:
    key = {
        "weights": backbone.card.sha256,
        "preprocess": preprocess_to_json(backbone.card.preprocess),
        "rule": modality.rule(),
        "stages": list(stages),
        "engines": [str(row.engine) for row in trial],
        "versions": [version("openvino"), version("torch"), cpu_identity()],
        "sample": sorted((digest, label or "") for digest, label in sample),
        "gate": [LEAST_COSINE, MOST_CHANGED, _FOLDS, _STRENGTH],
        "format": FORMAT,
        "fields": [field.name for field in fields(Admission)],
    }
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
    return feature_home() / "admissions" / f"{name}.json"


def _from_json(place: Path) -> Choice:
    judged = tuple(Admission(**{**row, "engine": EngineSpec(**row["engine"])}) for row in json.loads(place.read_text()))
    return Choice(judged[-1].engine, judged)
