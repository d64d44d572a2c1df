"""What looking at one item once has shown; the same fields for pictures, texts and sounds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Inspection:
    """One item that could be decoded.

    Attributes:
        content_digest: SHA-256 of the decoded content: the same for items that are equal once decoded.
        near_hash: 64 bits of which near duplicates share nearly all.
        size: Of the original: width and height in pixels for a picture.
        notes: What deserves a word although the item is used.
    """

    content_digest: str
    near_hash: int
    size: tuple[int, int]
    notes: tuple[str, ...] = ()
