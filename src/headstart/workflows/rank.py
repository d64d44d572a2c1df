"""``rank``: which of some backbones suits the user's data best, and how sure that is, before anything is trained.

    read ─► a stratified sample of the training split
         ─► many candidates? all of them on a few examples, the better half goes on
         ─► each candidate: features, scores, the same on halves of the sample ─► ranks with intervals

Candidates are scored one after the other, and only numbers are kept of each: there is never more than one matrix of
features in memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from headstart.backbones.model_index.index import read_index
from headstart.core.errors import HeadstartError, StorageError, UnavailableError, UsageError
from headstart.core.progress import Progress, Silent
from headstart.data.modality import MODALITIES, Modality
from headstart.transfer.ranking import Standing, standings
from headstart.transfer.scores.contract import DEFAULT_SCORE, SCORES, Score
from headstart.workflows.arrange import DataOptions
from headstart.workflows.gather import BackboneOptions
from headstart.workflows.models import models_at_hand
from headstart.workflows.rank_candidate import Scored, score_candidate
from headstart.workflows.rank_record import Candidate, Ranking
from headstart.workflows.rank_sample import Sample, read_sample
from headstart.workflows.recognised import recognised

#: More candidates than these are thinned out first; at least so many go on.
MOST_IN_FULL = 6
LEAST_SUBSET = 20


@dataclass(frozen=True)
class RankOptions:
    """How to rank.

    Attributes:
        candidates: Names of backbones; none for all whose weights are on this machine and whose licence is allowed.
        scores: Names of scores; the first decides. None for :data:`DEFAULT_SCORE`.
        subset: Most examples to rank on; ``None`` for a number that suits the classes.
    """

    candidates: tuple[str, ...] = ()
    scores: tuple[str, ...] = ()
    subset: int | None = None

    def __post_init__(self) -> None:
        if self.subset is not None and self.subset < LEAST_SUBSET:
            raise UsageError(f"Expected --subset to be {LEAST_SUBSET} or more, but got {self.subset}.")
        for name in self.scores:
            SCORES[name]


def rank(
    data: DataOptions, backbone: BackboneOptions, options: RankOptions, *, progress: Progress | None = None
) -> Ranking:
    """Ranks backbones by how well their frozen features suit labelled data.

    Only training examples are looked at: no label of a validation or test split decides anything. Scores know no
    groups: examples of one may stand on both sides of a fold, which flatters all candidates. Ranks do know them.

    Args:
        data: Which data.
        backbone: What all candidates share: device, seed, licences that are allowed.
        options: Which candidates, by which scores, on how many examples.
        progress: Who is told how far it is.

    Returns:
        The candidates in order. One that cannot be had or opened is among them with the reason.

    Raises:
        UnknownNameError: There is no such score.
        UnavailableError: There is no candidate, or none can be ranked; the message says why of each.
    """
    progress = progress or Silent()
    data = recognised(data)
    return rank_on(
        read_sample(data, most=options.subset, progress=progress), data, backbone, options, progress=progress
    )


def rank_on(
    sample: Sample, data: DataOptions, backbone: BackboneOptions, options: RankOptions, *, progress: Progress
) -> Ranking:
    """Ranks backbones on examples that were drawn already; see :func:`rank`."""
    scores = [SCORES[name] for name in dict.fromkeys(options.scores or (DEFAULT_SCORE,))]
    modality = MODALITIES[data.modality]
    names = dict.fromkeys(options.candidates or candidates_at_hand(modality, backbone))
    judge = _Judge(backbone, scores, modality, _imagenet_top1(), progress)
    return Ranking(
        origin=sample.origin,
        item_word=modality.item_word,
        examples=len(sample.items),
        classes=sample.classes,
        scores=tuple(score.name for score in scores),
        candidates=tuple(judge.judge(list(names), sample)),
    )


def candidates_at_hand(modality: Modality, backbone: BackboneOptions) -> list[str]:
    """Names of the backbones whose weights are on this machine and whose licence is allowed.

    Raises:
        UnavailableError: There is none.
    """
    names = [row.name for row in models_at_hand(modality.takes, backbone.allow_licenses)]
    if not names:
        raise UnavailableError(
            f"Expected backbones for {modality.item_word}s with weights on this machine, but found none that may be "
            "used; name some with --candidates, and see `headstart models`."
        )
    return names


@dataclass(frozen=True)
class _Judge:
    """Takes candidates one after the other."""

    backbone: BackboneOptions
    scores: Sequence[Score]
    modality: Modality
    imagenet_top1: Mapping[str, float | None]
    progress: Progress

    def judge(self, names: Sequence[str], sample: Sample) -> list[Candidate]:
        """All candidates, the best first."""
        look, apart = sample.first_look(), list[Candidate]()
        if len(names) > MOST_IN_FULL and len(look.items) < len(sample.items):
            self.progress.say(f"{len(names)} candidates are thinned out on {len(look.items)} examples first.")
            first, apart = self._round(names, look)
            kept = max(MOST_IN_FULL, -(-len(first) // 2))
            apart = [replace(candidate, outcome="thinned out") for candidate in first[kept:]] + apart
            names = [candidate.name for candidate in first[:kept]]
        ranked, failed = self._round(names, sample)
        if not ranked:
            reasons = "\n".join(f"  - {candidate.name}: {candidate.reason}" for candidate in (*apart, *failed))
            raise UnavailableError(f"Expected a backbone that can be ranked, but none can:\n{reasons}")
        return [*ranked, *apart, *failed]

    def _round(self, names: Sequence[str], sample: Sample) -> tuple[list[Candidate], list[Candidate]]:
        """The candidates in order of the first score, and those that have none."""
        halves = sample.halves()
        scored: dict[str, Scored] = {}
        failed = []
        for number, name in enumerate(names, start=1):
            self.progress.say(f"Candidate {number} of {len(names)}: {name}")
            try:
                found = score_candidate(
                    replace(self.backbone, name=name),
                    sample,
                    self.scores,
                    modality=self.modality,
                    halves=halves,
                    progress=self.progress,
                )
            except StorageError:
                raise
            except HeadstartError as error:
                failed.append(Candidate(name, "not ranked", str(error)))
                continue
            if self.scores[0].name in found.scores:
                scored[name] = found
            else:
                failed.append(_without(name, self.scores[0]))
        return self._in_order(scored), failed

    def _in_order(self, scored: Mapping[str, Scored]) -> list[Candidate]:
        by_score = {score.name: _standings_by(score.name, scored) for score in self.scores}
        candidates = [
            Candidate(
                name,
                "ranked",
                standings={score: found[name] for score, found in by_score.items() if name in found},
                examples=one.examples,
                parameters=one.parameters,
                items_per_second=one.items_per_second,
                seconds=one.seconds,
                imagenet_top1=self.imagenet_top1.get(name),
            )
            for name, one in scored.items()
        ]
        deciding = by_score[self.scores[0].name]
        # Of equals the one that costs less comes first.
        return sorted(candidates, key=lambda one: (deciding[one.name].rank, one.parameters or 0))


def _imagenet_top1() -> dict[str, float | None]:
    return {name: row.imagenet_top1 for row in read_index().rows for name in row.names}


def _standings_by(score: str, scored: Mapping[str, Scored]) -> dict[str, Standing]:
    """Where each candidate that has this score stands by it."""
    found = {name: one.scores[score] for name, one in scored.items() if score in one.scores}
    if not found:
        return {}
    values = np.array([one.value for one in found.values()])
    resampled = np.stack([one.resampled for one in found.values()], axis=1)
    return dict(zip(found, standings(values, resampled), strict=True))


def _without(name: str, score: Score) -> Candidate:
    reason = f"{score.label} needs the source model's own classifier, and of this backbone none is known"
    return Candidate(name, "not ranked", reason)
