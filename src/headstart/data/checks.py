"""What would stop a fit, and what should make one think, seen from the labels alone: before any download."""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from headstart.data.items import Item, ItemTable, sort_class_names

#: A class this many times as large as another one deserves a word.
IMBALANCE = 10

#: Below this many examples of a class to learn from, figures for it mean little.
FEW_PER_CLASS = 5

#: Below this many test or undivided items, an interval is too wide to show a usual difference.
FEW_ITEMS = 50

_SHOWN = 8
#: And of a name at most so many characters: sentences may have been taken for labels.
_SHOWN_CHARACTERS = 60


class Findings(NamedTuple):
    """What the checks found.

    Attributes:
        errors: Nothing can be fitted before these are put right.
        warnings: A fit is possible, but its figures should be read with these in mind.
    """

    errors: tuple[str, ...]
    warnings: tuple[str, ...]


def check_classes(table: ItemTable) -> Findings:
    """Checks labels, classes and splits.

    Args:
        table: The items as they were read, before missing splits are made, or after.

    Returns:
        Errors and warnings, each a sentence that says what was found, what was expected and what to do.
    """
    if not table.items:
        return Findings((_nothing_left(table),), ())
    errors = [message for check in _ERRORS for message in check(table)]
    warnings = [message for check in _WARNINGS for message in check(table)]
    return Findings(tuple(errors), tuple(warnings))


def _nothing_left(table: ItemTable) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in table.ledger.counts().items())
    return f"Expected labelled items in {table.origin}, but none is left{f' ({reasons})' if reasons else ''}."


def _nothing_labelled(table: ItemTable) -> Iterator[str]:
    if all(item.label is None for item in table.items):
        yield (
            f"Expected labelled items in {table.origin}, but none of {len(table.items)} has a label; put each class "
            "into a folder of its own, or name the label column with --label-column."
        )


def _too_few_classes(table: ItemTable) -> Iterator[str]:
    if len(table.classes) == 1:
        empty = table.ledger.empty_classes
        beside = f" (empty: {_listed(empty)})" if empty else ""
        yield (
            f"Expected two classes or more in {table.origin}, but found only {_quoted(table.classes[0])}{beside}; "
            "make a folder, or a label, for each class. If the class folders lie deeper, give the folder "
            "that holds them."
        )


def _identifiers_as_labels(table: ItemTable) -> Iterator[str]:
    labelled = sum(item.label is not None for item in table.items)
    classes = len(table.classes)
    if classes > 2 and labelled < 2 * classes:
        yield (
            f"Expected several examples of each class, but found {classes} classes for {labelled} items; if "
            "the label is an identifier or a number that is measured, name another column with "
            "--label-column, or join classes."
        )


def _unknown_to_training(table: ItemTable) -> Iterator[str]:
    train = _labels_in(table.items, "train")
    if not train and any(item.split is None for item in table.items):
        return
    for split in ("validation", "test"):
        for label in sort_class_names(_labels_in(table.items, split) - train):
            alike = {known.lower(): known for known in train}
            near = difflib.get_close_matches(label.lower(), alike, n=1)
            hint = f"rename it if it is {alike[near[0]]!r}" if near else "add training examples or remove it"
            yield f"Expected every class of the {split} split in training, but {label!r} is not there; {hint}."


def _too_few_to_divide(table: ItemTable) -> Iterator[str]:
    counts = Counter(item.label for item in table.items if item.label is not None)
    if len(counts) > 1 and not _given(table, "test") and sum(count >= 3 for count in counts.values()) < 2:
        yield (
            "Expected at least 3 examples in two classes, to train, choose and test on, but found "
            f"{_counted(counts)}; add examples."
        )


def _unlabelled(table: ItemTable) -> Iterator[str]:
    without = [item.id for item in table.items if item.label is None]
    if without:
        yield f"{len(without)} items have no label and are of no use: {_listed(without)}."


def _empty_classes(table: ItemTable) -> Iterator[str]:
    if empty := table.ledger.empty_classes:
        hold = (
            "class folder holds nothing usable and is no class"
            if len(empty) == 1
            else ("class folders hold nothing usable and are no classes")
        )
        yield f"{len(empty)} {hold}: {_listed(empty)}."


def _lonely_classes(table: ItemTable) -> Iterator[str]:
    counts = Counter(item.label for item in table.items if item.label is not None and item.split != "test")
    alone = sort_class_names(label for label, count in counts.items() if count == 1)
    few = {label: count for label, count in counts.items() if 1 < count < FEW_PER_CLASS}
    if alone:
        have = "class has" if len(alone) == 1 else "classes have"
        yield f"{len(alone)} {have} one example to learn from, and nothing to choose by: {_listed(alone)}."
    if few:
        have = "class has" if len(few) == 1 else "classes have"
        yield f"{len(few)} {have} fewer than {FEW_PER_CLASS} examples to learn from: {_counted(few)}."


def _missing_from_test(table: ItemTable) -> Iterator[str]:
    test = _labels_in(table.items, "test")
    missing = sort_class_names(_labels_in(table.items, "train") - test) if test else ()
    if missing:
        yield f"{len(missing)} classes are not in the test split, which says nothing of them: {_listed(missing)}."


def _imbalance(table: ItemTable) -> Iterator[str]:
    counts = Counter(item.label for item in table.items if item.label is not None)
    if len(counts) < 2:
        return
    (largest, most), *_, (smallest, least) = counts.most_common()
    if most >= IMBALANCE * least:
        share = most / sum(counts.values())
        yield (
            f"The classes are of very different size: {most} {largest!r} against {least} {smallest!r}. "
            f"Always saying {largest!r} would be right {share:.1%} of the time; look at balanced accuracy."
        )


def _few_items(table: ItemTable) -> Iterator[str]:
    tested = sum(item.split == "test" for item in table.items)
    if tested and tested < FEW_ITEMS:
        yield f"The test split has {tested} items: only a large difference can be shown with so few."
    elif not tested and len(table.items) < FEW_ITEMS:
        yield f"There are {len(table.items)} items in all: only a large difference can be shown with so few."


def _groups_in_two_splits(table: ItemTable) -> Iterator[str]:
    splits: dict[str, set[str]] = defaultdict(set)
    for item in table.items:
        if item.group is not None and item.split is not None:
            splits[item.group].add(item.split)
    torn = sorted(group for group, found in splits.items() if len(found) > 1)
    if torn:
        yield f"{len(torn)} groups stand in more than one split as given, so figures may flatter: {_listed(torn)}."


_Check = Callable[[ItemTable], Iterator[str]]
_ERRORS: tuple[_Check, ...] = (
    _nothing_labelled,
    _too_few_classes,
    _identifiers_as_labels,
    _unknown_to_training,
    _too_few_to_divide,
)
_WARNINGS: tuple[_Check, ...] = (
    _unlabelled,
    _empty_classes,
    _lonely_classes,
    _missing_from_test,
    _imbalance,
    _few_items,
    _groups_in_two_splits,
)


def _labels_in(items: Iterable[Item], split: str) -> set[str]:
    return {item.label for item in items if item.split == split and item.label is not None}


def _given(table: ItemTable, split: str) -> bool:
    return any(item.split == split for item in table.items)


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    shown = ", ".join(map(_quoted, every[:_SHOWN]))
    return f"{shown} and {len(every) - _SHOWN} more" if len(every) > _SHOWN else shown


def _counted(counts: dict[str, int]) -> str:
    ordered = [f"{_quoted(name)} ({counts[name]})" for name in sort_class_names(counts)]
    return ", ".join(ordered[:_SHOWN]) + (f" and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else "")


def _quoted(name: str) -> str:
    return repr(name if len(name) <= _SHOWN_CHARACTERS else f"{name[: _SHOWN_CHARACTERS - 1]}…")
