"""One candidate of a ranking: opened, its features computed, every score taken, and the features let go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.converted import ConvertedBackbone
from headstart.core.errors import DataError
from headstart.core.progress import Progress, Stopwatch
from headstart.data.modality import Modality
from headstart.features.admission import Choice
from headstart.features.extraction import Digests
from headstart.transfer.ranking import means_over
from headstart.transfer.scores.contract import Evidence, Score
from headstart.workflows.gather import BackboneOptions, compute_features, open_named_backbone
from headstart.workflows.rank_sample import HALVES_COMPUTED, Sample


@dataclass(frozen=True)
class ScoreFound:
    """A score of one candidate.

    Attributes:
        value: On all examples of the sample.
        resampled: On each half of them, shape ``(R,)``.
    """

    value: float
    resampled: NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """All that is kept of a candidate.

    Attributes:
        scores: By name; a score that does not exist for this backbone is not there.
        examples: How many examples it was scored on.
        parameters: Number of parameters of the backbone.
        items_per_second: Prepared inputs to features, by the engine that was admitted.
        seconds: All that scoring this candidate took, of which computing features is the more the larger it is.
    """

    scores: Mapping[str, ScoreFound]
    examples: int
    parameters: int
    items_per_second: float | None
    seconds: float


def score_candidate(
    backbone: BackboneOptions,
    sample: Sample,
    scores: Sequence[Score],
    *,
    modality: Modality,
    halves: NDArray[np.bool_],
    progress: Progress,
) -> Scored:
    """Scores one backbone on a sample; its features come from the cache where they are there.

    Args:
        backbone: Which backbone.
        sample: The examples.
        scores: Which scores.
        modality: What kind of data it is.
        halves: ``(R, N)``, the halves of the sample that all candidates share.
        progress: Who is told how far it is.

    Raises:
        HeadstartError: It cannot be had, opened or computed.
    """
    watch = Stopwatch()
    converted = open_named_backbone(backbone, modality, progress=progress, watch=watch)
    top = converted.card.top.name
    choice, extraction = compute_features(
        sample.items,
        converted,
        modality,
        [top],
        device=backbone.device,
        progress=progress,
        watch=watch,
        digests=Digests(sample.digests, {}),
    )
    with watch.step("scores"):
        features = extraction.features[top].take(slice(None)).astype(np.float32)
        evidence = evidence_of(features, sample, extraction.readable, converted)
        found = {
            score.name: take_score(score, evidence, halves[:, extraction.readable])
            for score in scores
            if score.exists_for(evidence)
        }
    return Scored(
        scores=found,
        examples=len(features),
        parameters=converted.card.parameters,
        items_per_second=_speed(choice),
        seconds=sum(watch.seconds.values()),
    )


def evidence_of(
    features: NDArray[np.float32], sample: Sample, rows: NDArray[np.intp], backbone: ConvertedBackbone
) -> Evidence:
    """What a score is given: features ``(n, D)`` of the examples ``rows``, and what the source takes them for.

    Raises:
        DataError: All of them are of one class.
    """
    if len(np.unique(sample.labels[rows])) < 2:
        raise DataError(
            f"Expected examples of two classes or more that can be decoded, but got {len(rows)} of one; mend files, "
            "or rank on more of them."
        )
    classifier = backbone.source_classifier()
    source = None if classifier is None else classifier.probabilities(features)
    return Evidence(features, sample.labels[rows], sample.classes, source)


def take_score(score: Score, evidence: Evidence, halves: NDArray[np.bool_]) -> ScoreFound:
    """A score on all examples and on halves of them.

    A score that is a mean over examples is averaged over each half; any other is computed anew on the first
    :data:`HALVES_COMPUTED` of them: its intervals then cover 92 % where they should cover 95 %.
    """
    if score.per_example is not None:
        values = score.per_example(evidence)
        return ScoreFound(float(values.mean()), means_over(halves, values))
    some = [score.compute(evidence.select(np.flatnonzero(half))) for half in halves[:HALVES_COMPUTED]]
    return ScoreFound(score.compute(evidence), np.array(some))


def _speed(choice: Choice) -> float | None:
    rates = [found.inputs_per_second for found in choice.judged if found.engine == choice.spec]
    return rates[0] if rates else None
