"""Is transfer appropriate? What ``check`` measures with a backbone before anybody trains.

    labelled training items ─► a sample ─┬─► pretrained backbone ─► features of all stages ─┐
                                         ├─► random twin ─────────► features of all stages ─┼─► curve ─► advice
                                         ├─► as they are (raw pixels) ──────────────────────┘
                                         └─► 64 of them ─► batch-norm statistics ─► distance ──────► advice

Validation and test items have no part in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.card import BackboneCard
from headstart.backbones.converted import ConvertedBackbone
from headstart.core.errors import DataError
from headstart.core.progress import Progress, Stopwatch
from headstart.core.tensors import safetensors_header
from headstart.data.items import Item
from headstart.data.modality import MODALITIES, Modality
from headstart.evaluation.stage_curve import StageCurve, best_stage, stage_curve
from headstart.evaluation.suitability import Advice, Facts, advise
from headstart.features.engines.contract import EngineSpec
from headstart.features.extraction import Digests, Extraction, FeatureSource, extract, read_digests
from headstart.features.folds import stratified_folds
from headstart.features.rows import Rows
from headstart.features.trial import start_engine
from headstart.transfer.out_of_fold import OutOfFold, folds_of, probe_out_of_fold
from headstart.workflows.arrange import Arranged
from headstart.workflows.gather import BackboneOptions, open_named_backbone
from headstart.workflows.judgement import covered_by

#: Items that are looked at, and classes: of a thousand items of more classes a probe would have too few of each.
MOST_ITEMS, MOST_CLASSES = 1000, 100
#: More axes do not move what a thousand items can show, and would cost most of the time.
MOST_AXES = 256
#: One engine for both sets of weights, and no trial of engines for so few items.
_EXACT = EngineSpec("openvino", "f32")
#: Items whose activations are compared with the pretraining's; two hundred say the same.
MOST_FOR_SHIFT = 64


@dataclass(frozen=True)
class Suitability:
    """Whether transfer is appropriate, and what that rests on.

    Attributes:
        backbone: Its name.
        pretraining: What it was trained on.
        per_class: Labelled training items of each class.
        sampled: How many of them were looked at.
        sampled_classes: Of how many classes these were; the curve is about telling those apart.
        shift: By how many standard deviations their activations are off; ``None`` where it cannot be told.
        covered: Classes that are among the pretraining classes, with the names of those that cover them; ``None`` where
            the pretraining knew no classes of such items.
        curve: Accuracy by stage.
        advice: What to do, the most important first.
    """

    backbone: str
    pretraining: str
    per_class: Mapping[str, int]
    sampled: int
    sampled_classes: int
    shift: float | None
    covered: Mapping[str, tuple[str, ...]] | None
    curve: StageCurve
    advice: tuple[Advice, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class _Sample:
    """Some labelled training items.

    Attributes:
        items: The items.
        labels: ``(N,)``, in [0, C).
        classes: Names of their C classes.
        groups: Group of each item; ``None`` where nobody has one.
        folds: ``(N,)``.
        digests: What the items are.
        modality: What kind of data it is.
    """

    items: tuple[Item, ...]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    groups: list[str] | None
    folds: NDArray[np.int64]
    digests: Digests
    modality: Modality

    def probed(self, features: Rows, **given: Any) -> OutOfFold:
        """Which items a probe on these features tells right."""
        return probe_out_of_fold(
            features, self.labels, classes=len(self.classes), folds=self.folds, most_axes=MOST_AXES, **given
        )


def look_at_suitability(
    arranged: Arranged, modality: str, options: BackboneOptions, *, seed: int, progress: Progress
) -> Suitability | None:
    """Measures what a backbone's features are worth on labelled training items, and says what follows.

    Args:
        arranged: Labelled examples in splits.
        modality: Name of their modality.
        options: Which backbone.
        seed: For the sample and the folds.
        progress: Who is told how far it is.

    Returns:
        What was found; ``None`` where nobody has trained the backbone, so that there is nothing to transfer.

    Raises:
        UnavailableError: The backbone cannot be had here.
    """
    watch = Stopwatch()
    sample = _sample(arranged, MODALITIES[modality], seed)
    backbone = open_named_backbone(options, sample.modality, progress=progress, watch=watch)
    if not backbone.card.pretrained:
        return None
    twin_options = replace(options, random_weights=True, seed=seed)
    progress.say("To compare with: the same architecture with random weights.")
    twin = open_named_backbone(twin_options, sample.modality, progress=progress, watch=watch)
    stages = [stage.name for stage in backbone.card.stages]
    pretrained, random = (_features(sample, weights, stages, progress) for weights in (backbone, twin))
    curve = _curve(sample, stages, pretrained, random, progress)
    facts = Facts(
        per_class={
            name: int((_training_labels(arranged) == place).sum()) for place, name in enumerate(arranged.classes)
        },
        sampled=len(sample.items),
        shift=_shift(sample, backbone, progress),
        boundaries=_boundaries(backbone.card),
    )
    return Suitability(
        backbone=backbone.card.name,
        pretraining=backbone.card.pretraining,
        per_class=facts.per_class,
        sampled=facts.sampled,
        sampled_classes=len(sample.classes),
        shift=facts.shift,
        covered=covered_by(backbone.card, sample.modality, arranged.classes),
        curve=curve,
        advice=advise(curve, facts),
    )


def _sample(arranged: Arranged, modality: Modality, seed: int) -> _Sample:
    """At most :data:`MOST_ITEMS` training items, as many of each class as there are in proportion."""
    chosen = _some_classes(len(arranged.classes), seed)
    rows = arranged.rows("train")
    rows = rows[np.isin(arranged.labels[rows], chosen)]
    if len(rows) > MOST_ITEMS:
        share = -(-len(rows) // MOST_ITEMS)
        rows = rows[stratified_folds(arranged.labels[rows], count=share, seed=seed) == 0]
    labels, groups = np.searchsorted(chosen, arranged.labels[rows]), arranged.groups(rows)
    items = tuple(arranged.items[row] for row in rows)
    folds, classes = folds_of(labels, groups, seed=seed), tuple(arranged.classes[place] for place in chosen)
    return _Sample(items, labels, classes, groups, folds, read_digests(items), modality)


def _some_classes(count: int, seed: int) -> NDArray[np.int64]:
    """All of so many classes, or :data:`MOST_CLASSES` of them, in order."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:MOST_CLASSES])


def _training_labels(arranged: Arranged) -> NDArray[np.int64]:
    return arranged.labels[arranged.rows("train")]


def _features(sample: _Sample, backbone: ConvertedBackbone, stages: Sequence[str], progress: Progress) -> Extraction:
    """Pooled features of all stages, in one pass."""
    source = FeatureSource(backbone.card, stages, _EXACT, partial(start_engine, _EXACT, backbone, stages))
    found = extract(sample.items, sample.digests, modality=sample.modality, source=source, progress=progress)
    if found.failures:
        names = ", ".join(sample.items[place].id for place in sorted(found.failures)[:5])
        raise DataError(f"Expected to read {names} once more, but could not; leave the data alone and start anew.")
    return found


def _curve(
    sample: _Sample, stages: Sequence[str], pretrained: Extraction, random: Extraction, progress: Progress
) -> StageCurve:
    """Probes on every stage with and without the pretraining, and on the items as they are."""
    progress.start("probes by stage", total=2 * len(stages) + 1)

    def probed(features: Rows) -> OutOfFold:
        found = sample.probed(features)
        progress.advance()
        return found

    with_pretraining = [probed(pretrained.features[stage]) for stage in stages]
    right = [found.right for found in with_pretraining]
    best = best_stage(right)
    curve = stage_curve(
        stages,
        pretrained=right,
        random=[probed(random.features[stage]).right for stage in stages],
        plain=probed(pretrained.plain).right,
        plain_name=sample.modality.plain_name,
        half=_with_half(sample, pretrained.features[stages[best]], with_pretraining[best].strength),
        groups=None if sample.groups is None else np.array(sample.groups),
    )
    progress.finish(f"best at {curve.best}, {curve.accuracy.value:.1%} of {len(sample.items)} items")
    return curve


def _with_half(sample: _Sample, features: Rows, strength: float) -> NDArray[np.bool_] | None:
    """What half the labels tell right; ``None`` where the folds cannot be halved."""
    others = int(sample.folds.max())
    return None if others % 2 else sample.probed(features, strengths=(strength,), train_on=others // 2).right


def _shift(sample: _Sample, backbone: ConvertedBackbone, progress: Progress) -> float | None:
    """How far some of the items lie from the pretraining data."""
    progress.start("distance from the pretraining data")
    if not any(name.endswith("running_mean") for name in safetensors_header(backbone.weights)):
        progress.finish("no batch-norm statistics")
        return None
    from headstart.backbones.domain_shift import batch_norm_shift

    preprocess = backbone.card.preprocess
    step = -(-len(sample.items) // MOST_FOR_SHIFT)
    inputs = [sample.modality.prepare(item.source.read(), preprocess).inputs for item in sample.items[::step]]
    shift = batch_norm_shift(backbone.load(), preprocess, inputs)
    progress.finish("no batch-norm statistics" if shift is None else f"{shift:.2f} standard deviations")
    return shift


def _boundaries(card: BackboneCard) -> tuple[str, ...]:
    """Stages that may be the lowest that trains: the law holds for a cut below them."""
    return tuple(above.name for below, above in zip(card.stages, card.stages[1:], strict=False) if below.boundary)
