"""``classes.txt`` beside a table whose labels are numbers: line *k* is the name of class *k*."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from headstart.data.items import Item, Ledger
from headstart.data.readers.text_files import open_text

CLASSES_FILE = "classes.txt"


def with_class_names(items: Sequence[Item], folder: Path, ledger: Ledger) -> list[Item]:
    """Items with the names of their classes, where ``classes.txt`` has one for each number.

    The numbers are 1 to K, or 0 to K - 1, and all of them occur; otherwise labels stay as they are.

    Args:
        items: All items of the data.
        folder: Where the table lies.
        ledger: Takes a note.
    """
    labels = {item.label for item in items if item.label is not None}
    if not (folder / CLASSES_FILE).is_file() or not all(label.isdecimal() for label in labels):
        return list(items)
    with open_text(folder / CLASSES_FILE, ledger) as stream:
        names = [line.strip() for line in stream if line.strip()]
    numbers = {int(label) for label in labels}
    first = min(numbers, default=0)
    expected = range(first, first + len(names))
    if first > 1 or len(set(names)) < max(2, len(names)) or numbers != set(expected):
        ledger.notes.append(f"{CLASSES_FILE} has {len(names)} lines, which do not fit the labels: they stay numbers.")
        return list(items)
    ledger.notes.append(f"{CLASSES_FILE} names the classes {first} to {first + len(names) - 1}: {', '.join(names)}.")
    return [replace(item, label=item.label and names[int(item.label) - first]) for item in items]
