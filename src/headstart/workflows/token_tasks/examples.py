"""From tagged sentences or questions to examples in splits, as windows of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.converted import ConvertedBackbone
from headstart.backbones.text_preprocess import TextPreprocess
from headstart.backbones.token_features import token_stage
from headstart.backbones.token_windows import Window
from headstart.core.errors import DataError
from headstart.core.progress import Progress, Stopwatch
from headstart.data.duplicates import resolve_duplicates
from headstart.data.inspection import Inspection
from headstart.data.items import ArraySource, Item, ItemTable, Split, content_digest, groups_of
from headstart.data.modality import MODALITIES, Modality, Prepared
from headstart.data.splits import assign_splits
from headstart.features.admission import Choice, choose_path
from headstart.features.extraction import Digests
from headstart.features.trial import TrialRow, engine_trial
from headstart.tasks.token_problem import TokenProblem
from headstart.workflows.arrange import DataOptions, lone_group
from headstart.workflows.gather import BackboneOptions, open_named_backbone


@dataclass(frozen=True, eq=False)
class Windows:
    """The windows of some items, those of about one length together.

    Attributes:
        all: The windows.
        of: For each item the places of its windows, in the order of its text.
        items: The windows as items whose content is the tokens, for engine and cache.
    """

    all: tuple[Window, ...]
    of: tuple[tuple[int, ...], ...]
    items: tuple[Item, ...]

    @property
    def digests(self) -> tuple[str, ...]:
        """What the cache knows each window by."""
        return tuple(content_digest(item.source.read()) for item in self.items)


@dataclass(frozen=True, eq=False)
class TokenExamples:
    """Labelled items in splits, and all that is needed to compute features of their tokens.

    Attributes:
        problem: What is asked.
        table: The items; each has a label and a split.
        digests: SHA-256 of each item's content.
        backbone: Where the features come from.
        choice: The path that makes them, and what else was judged.
        warnings: Sentences about the data that somebody should read.
    """

    problem: TokenProblem
    table: ItemTable
    digests: tuple[str, ...]
    backbone: ConvertedBackbone
    choice: Choice
    warnings: tuple[str, ...]

    def of(self, split: Split) -> tuple[Item, ...]:
        """A split's items."""
        return tuple(item for item in self.table.items if item.split == split)

    def groups(self, split: Split) -> NDArray[Any] | None:
        """Their groups; ``None`` where nobody has one."""
        groups = groups_of(self.of(split))
        return None if groups is None else np.array(groups)


def gather(
    kind: type[TokenProblem], data: DataOptions, backbone: BackboneOptions, *, progress: Progress, watch: Stopwatch
) -> TokenExamples:
    """Reads, resolves duplicates, splits, and chooses the path from text to features.

    Args:
        kind: What is asked.
        data: Which data.
        backbone: Which backbone.
        progress: Who is told how far it is.
        watch: Where the seconds per step are kept.

    Raises:
        DataError: The data cannot be used; all that is wrong with them stands in one message.
    """
    with watch.step("read"):
        progress.start("read")
        table = in_splits(kind.read(data.data, columns=data.columns), seed=data.seed)
        problem = kind.of([item for item in table.items if item.split == "train"])
        progress.finish(f"{len(table.items)} {problem.item_word}s")
    converted = open_named_backbone(backbone, MODALITIES["text"], progress=progress, watch=watch)
    token_stage(converted.card)
    with watch.step("engine trial and admission"):
        trial = engine_trial(converted, device=backbone.device, progress=progress)
        choice = path_for(problem, table.items, converted, trial, progress=progress)
    warnings = problem.notes(table.items, converted.card.preprocess)  # type: ignore[arg-type]
    for warning in warnings:
        progress.say(f"Warning: {warning}")
    digests = tuple(content_digest(item.source.read()) for item in table.items)
    return TokenExamples(problem, table, digests, converted, choice, tuple(warnings))


def in_splits(table: ItemTable, *, seed: int) -> ItemTable:
    """Labelled items in three splits, none of whose content stands in two of them.

    Args:
        table: As it was read.
        seed: Of the splits that are made.

    Raises:
        DataError: Too little is left to learn from, choose by and judge on.
    """
    for item in table.items:
        if item.label is None:
            table.ledger.leave_out(item, "unlabelled", "nobody has said what is right")
    labelled = table.with_items(item for item in table.items if item.label is not None)
    inspections = [Inspection(content_digest(item.source.read()), 0, (0, 0)) for item in labelled.items]
    resolved, _ = resolve_duplicates(labelled, inspections)
    # every item has a label of its own: splits are not stratified by it
    placed = assign_splits([replace(item, label=None) for item in resolved.items], seed=seed)
    found = resolved.with_items(
        replace(item, label=was.label) for item, was in zip(placed, resolved.items, strict=True)
    )
    if problems := lone_group(found.items):
        raise DataError.from_problems(f"What is left of {table.origin} cannot be learned from:", problems)
    return found


def windows_of(problem: TokenProblem, items: Sequence[Item], preprocess: TextPreprocess) -> Windows:
    """The windows of some items, the shortest first."""
    by_item = [problem.windows(item, preprocess) for item in items]
    found = [(window, place) for place, windows in enumerate(by_item) for window in windows]
    order = sorted(range(len(found)), key=lambda number: len(found[number][0].tokens))
    now = {number: place for place, number in enumerate(order)}
    numbers = iter(range(len(found)))
    return Windows(
        tuple(found[number][0] for number in order),
        tuple(tuple(now[next(numbers)] for _ in windows) for windows in by_item),
        tuple(_as_item(items[found[number][1]], found[number][0]) for number in order),
    )


def _as_item(item: Item, window: Window) -> Item:
    return Item(f"a window of {item.id}", ArraySource(cast(Any, window.tokens)))


def tokens_as_they_are() -> Modality:
    """The modality of windows: their content is their tokens, and nothing is left to prepare."""

    def as_it_is(content: Any, _: Any) -> NDArray[Any]:
        return np.asarray(content)

    def prepare(content: Any, _: Any) -> Prepared:
        return Prepared(Inspection(content_digest(content), 0, (len(content), 0)), content, np.empty(0, np.uint8))

    return replace(
        MODALITIES["text"],
        item_word="window",
        rule=lambda: "tokens as they are",
        prepare=prepare,
        prepare_reference=as_it_is,
    )


def path_for(
    problem: TokenProblem,
    items: Sequence[Item],
    backbone: ConvertedBackbone,
    trial: Sequence[TrialRow],
    *,
    progress: Progress,
) -> Choice:
    """The fastest path that gives the source model's features of the tokens of these items, judged by their means."""
    judged = [item for item in items if item.split != "test"]
    windows = windows_of(problem, judged, backbone.card.preprocess)  # type: ignore[arg-type]
    stage = token_stage(backbone.card).name
    digests = Digests(windows.digests, {})
    choice = choose_path(
        windows.items,
        digests,
        backbone=backbone,
        modality=tokens_as_they_are(),
        stages=[stage],
        trial=trial,
        progress=progress,
    )
    return replace(choice, running=None)
