"""From the user's data to examples with features and targets, in splits that are alike."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import DataError
from headstart.core.progress import Progress, Stopwatch
from headstart.data.columns import Columns
from headstart.data.duplicates import across_splits, remove_near, resolve_duplicates
from headstart.data.items import ItemTable, Split, class_indices
from headstart.data.modality import Modality
from headstart.data.splits import assign_splits
from headstart.features.extraction import Extraction
from headstart.features.store import Table
from headstart.workflows.arrange import (
    Arranged,
    DataOptions,
    empty_splits,
    find_near,
    leave_out_unreadable,
    lone_group,
)
from headstart.workflows.gather import BackboneOptions, Examples, compute_features, open_named_backbone
from headstart.workflows.judgement import group_array
from headstart.workflows.pooled_tasks.problem import PooledProblem, Targets
from headstart.workflows.recognised import modality_of, read_items


@dataclass(frozen=True, eq=False)
class PooledExamples:
    """Examples of a task on whole items.

    Attributes:
        problem: What is asked.
        base: Items, splits, features, backbone; its class numbers are those of the strata.
        targets: What is learned of each item, ``(N, K)``.
    """

    problem: PooledProblem
    base: Examples
    targets: Targets

    @property
    def as_learned(self) -> Examples:
        """The same with targets where classification has class numbers, for those who hand them on unopened."""
        return replace(self.base, arranged=replace(self.base.arranged, labels=cast(Any, self.targets)))

    def rows(self, split: Split) -> NDArray[np.intp]:
        """Places of a split's examples."""
        return self.base.arranged.rows(split)

    def targets_of(self, split: Split) -> Targets:
        """What is learned of a split's examples."""
        return self.targets[self.rows(split)]

    def features_of(self, split: Split) -> Table:
        """Their features at the top of the backbone as it was given."""
        return self.base.top.select(self.rows(split))

    def groups_of(self, split: Split) -> NDArray[Any] | None:
        """Their groups; ``None`` where nobody has one."""
        return group_array(self.base, self.rows(split))


def gather(
    kind: type[PooledProblem], data: DataOptions, backbone: BackboneOptions, *, progress: Progress, watch: Stopwatch
) -> PooledExamples:
    """Reads labels and items, computes features, resolves duplicates and splits.

    Args:
        kind: What is asked.
        data: Which data; their modality is recognised.
        backbone: Which backbone.
        progress: Who is told how far it is.
        watch: Where the seconds per step are kept.

    Raises:
        DataError: The data cannot be used; all that is wrong with it stands in one message.
    """
    modality = modality_of(data)
    with watch.step("read"):
        progress.start("read")
        table = read_labelled(kind, data.data, modality, data.columns)
        progress.finish(f"{len(table.items)} {modality.item_word}s")
    converted = open_named_backbone(backbone, modality, progress=progress, watch=watch)
    strata = kind.strata([str(item.label) for item in table.items])
    choice, extraction = compute_features(
        [replace(item, label=stratum) for item, stratum in zip(table.items, strata, strict=True)],
        converted,
        modality,
        [converted.card.top.name],
        device=backbone.device,
        progress=progress,
        watch=watch,
    )
    with watch.step("duplicates and splits"):
        arranged = _arranged(kind, leave_out_unreadable(table, extraction), extraction, data)
        problem = kind.of([str(item.label) for item in arranged.items if item.split == "train"])
        labels = [str(item.label) for item in arranged.items]
        if unknown := problem.unknown(labels):
            raise DataError(
                f"Expected every label of {table.origin} in training too, but {', '.join(map(repr, unknown))} "
                "are in other splits only; add training items with them, remove them, or choose another --seed."
            )
    base = Examples(
        arranged=arranged,
        modality=modality,
        backbone=converted,
        choice=choice,
        features={stage: rows.select(arranged.places) for stage, rows in extraction.features.items()},
        plain=extraction.plain.select(arranged.places),
        digests=tuple(extraction.digests[place] for place in arranged.places),
        warnings=(),
        computed=extraction.computed,
    )
    return PooledExamples(problem, base, problem.targets(labels))


def read_labelled(kind: type[PooledProblem], data: str, modality: Modality, columns: Columns | None) -> ItemTable:
    """The labelled items of some data, labels in their canonical form.

    Args:
        kind: What is asked.
        data: A folder, a table or a name with a prefix.
        modality: What kind of items.
        columns: Columns of a table, where the user named any.

    Raises:
        DataError: There are none, or a label cannot be read.
    """
    table = read_items(data, modality, replace(columns or Columns(), empty=kind.empty_label))
    labelled = [item for item in table.items if item.label is not None]
    for item in table.items:
        if item.label is None:
            table.ledger.leave_out(item, "unlabelled", "nobody has said what is right")
    if not labelled:
        raise DataError(
            f"Expected labelled items in {table.origin}, but none of {len(table.items)} has a label; name the column "
            "with --label-column."
        )
    labels = kind.canonical([str(item.label) for item in labelled], origin=table.origin)
    return table.with_items(replace(item, label=label) for item, label in zip(labelled, labels, strict=True))


def _arranged(kind: type[PooledProblem], table: ItemTable, extraction: Extraction, data: DataOptions) -> Arranged:
    """No content in two splits, and the splits that are missing, each with a like share of every stratum."""
    resolved, places = resolve_duplicates(table, extraction.inspections)
    strata = kind.strata([str(item.label) for item in resolved.items])
    by_stratum = [replace(item, label=stratum) for item, stratum in zip(resolved.items, strata, strict=True)]
    placed = resolved.with_items(
        replace(item, label=was.label)
        for item, was in zip(assign_splits(by_stratum, seed=data.seed), resolved.items, strict=True)
    )
    near = find_near(placed, extraction, places)
    if data.drop_near:
        placed, kept = remove_near(placed, near)
        places, strata, near = places[kept], [strata[place] for place in kept], []
    if problems := [*empty_splits(placed), *lone_group(placed.items)]:
        raise DataError.from_problems(f"What is left of {table.origin} cannot be learned from:", problems)
    counts = Counter(note for place in places for note in extraction.inspections[place].notes)
    placed.ledger.notes.extend(f"{count} items: {note}." for note, count in sorted(counts.items()))
    classes = tuple(sorted(set(strata)))
    return Arranged(
        table=placed,
        places=places,
        labels=class_indices(
            [replace(item, label=name) for item, name in zip(placed.items, strata, strict=True)], classes
        ),
        classes=classes,
        inspections=tuple(extraction.inspections[place] for place in places),
        near=tuple(across_splits(placed.items, near)),
    )
