"""Whether the pretraining helped, for tasks on tokens."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.data.items import content_digest
from headstart.evaluation.candidates import Candidate, strongest
from headstart.evaluation.contamination import overlap_warning, overlapping_items
from headstart.evaluation.summed import SummedScore, compare
from headstart.evaluation.verdict import Verdict, not_judged, verdict_on
from headstart.workflows.judgement import no_network
from headstart.workflows.token_tasks.examples import TokenExamples


def verdict_of(examples: TokenExamples, saved: Candidate, baselines: Sequence[Candidate], *, seed: int) -> Verdict:
    """What is saved against the strongest baseline by validation, in the metric that decides.

    Args:
        examples: The examples.
        saved: The saved model, measured on the test split.
        baselines: What knows no pretraining.
        seed: Of the bootstrap.
    """
    if not examples.backbone.card.pretrained:
        return not_judged("the backbone has random weights, so nothing was transferred")
    metrics, groups = examples.problem.metrics, examples.groups("test")
    opponent = strongest(baselines, by=metrics.leading)
    if opponent is None or not isinstance(opponent.test, SummedScore) or not isinstance(saved.test, SummedScore):
        return not_judged("no model without the pretraining converged")
    comparison = compare(saved.test.summands, opponent.test.summands, metrics, groups=groups, seed=seed)
    warnings = (*_overlap(examples), *no_network(baselines, opponent))
    return verdict_on(comparison, opponent.name, groups=groups, warnings=warnings)


def _overlap(examples: TokenExamples) -> list[str]:
    """A warning where the backbone was trained on some of the test items, as far as that is known."""
    digests = [content_digest(item.source.read()) for item in examples.of("test")]
    count = overlapping_items(digests, examples.backbone.card.pretraining_items)
    found = overlap_warning(count, test_items=len(digests))
    return [] if found is None else [found]
