"""``fit --backbone auto``: the backbone that a ranking puts first, among those at hand whose licence is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headstart.core.progress import Progress, Stopwatch
from headstart.core.unfinished import UnfinishedRun, stored_value
from headstart.workflows.arrange import DataOptions
from headstart.workflows.gather import BackboneOptions, Examples
from headstart.workflows.rank import RankOptions, rank_on
from headstart.workflows.rank_sample import read_sample
from headstart.workflows.recognised import recognised

_STORED_AS = "backbone"


@dataclass(frozen=True)
class BackboneChoice:
    """A backbone that was found for some data.

    Attributes:
        name: The backbone.
        record: The ranking, as plain JSON values, with a hash over the examples it rests on.
        digests: The contents of those examples.
    """

    name: str
    record: Mapping[str, Any]
    digests: frozenset[str]

    def store(self, unfinished: UnfinishedRun) -> None:
        """Keeps it with an unfinished fit, so that resuming takes the same one whatever has come to hand since."""
        unfinished.once(_STORED_AS, lambda: dict(self.record))

    def warned(self, examples: Examples) -> Examples:
        """The examples, with a warning where some of another split than training had a part in the choice.

        Splits are made anew once items that are equal when decoded are known; that may move a few at the border.
        """
        arranged = examples.arranged
        elsewhere = {
            examples.digests[row] for split in ("validation", "test") for row in arranged.rows(split)
        } & self.digests
        if not elsewhere:
            return examples
        warning = (
            f"{len(elsewhere)} of the {len(self.digests)} examples by which the backbone was chosen stand outside "
            "training, because equal items were found since."
        )
        return replace(examples, warnings=(*examples.warnings, warning))


def choose_backbone(
    data: DataOptions, backbone: BackboneOptions, target: Path, *, progress: Progress, watch: Stopwatch
) -> BackboneChoice:
    """Ranks what is at hand, or takes what an unfinished fit of the same run has found on the same examples.

    Args:
        data: Which data.
        backbone: Device, seed and the licences that are allowed.
        target: The run that it is for.
        progress: Who is told how far it is.
        watch: Where the seconds per step are kept.

    Raises:
        UnavailableError: No backbone is at hand that may be used and can be ranked.
    """
    data = recognised(data)
    with watch.step("choice of a backbone"):
        sample = read_sample(data, progress=progress)
        record = stored_value(target, _STORED_AS)
        if record is None or record["sample"] != sample.identity:
            ranking = rank_on(sample, data, replace(backbone, name=None), RankOptions(), progress=progress)
            record = {"sample": sample.identity, **ranking.to_json()}
        progress.say(record["sentence"])
    return BackboneChoice(record["best"], record, frozenset(sample.digests))
