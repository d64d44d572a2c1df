"""What people call their splits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from headstart.data.items import ItemTable, Split

_NAMES: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
ACCEPTED = ", ".join(_NAMES)


def split_named(name: str) -> Split | None:
    """The split that ``name`` stands for, whatever its case; ``None`` where it stands for none.

    Example:
        >>> split_named("Valid"), split_named("cats")
        ('validation', None)
    """
    return _NAMES.get(name.strip().lower())


def are_split_names(names: Iterable[str]) -> bool:
    """Whether there are names and every one of them stands for a split."""
    splits = [split_named(name) for name in names]
    return bool(splits) and None not in splits


def second_split_is_test(table: ItemTable) -> ItemTable:
    """Of exactly two splits the second is the test split, whatever its name.

    A folder with ``train`` and ``val`` has been judged on ``val`` by everybody before, and a validation split
    that also gives the final figures would be used twice. Validation is carved from training later.
    """
    given = {item.split for item in table.items}
    if given != {"train", "validation"}:
        return table
    table.ledger.notes.append(
        "There are two splits only: the second one is used as the test split, and validation is carved from training."
    )
    return table.with_items(replace(item, split="test") if item.split == "validation" else item for item in table.items)
