"""Chance as a pure function of where a training stands, so that nothing has to be remembered to go on from there."""

from __future__ import annotations

import hashlib


def seed_of(seed: int, *position: int) -> int:
    """The seed of one place in a training.

    Places that differ in any number, or in how many numbers they have, get seeds that have nothing to do with each
    other: the order of an epoch belongs to (phase, epoch), an optimizer step to (phase, epoch, step).

    Args:
        seed: The training's own.
        position: Where it stands.

    Returns:
        63 bits of a SHA-256 over all of them.

    Example:
        >>> seed_of(0, 1, 2) == seed_of(0, 1, 2), seed_of(0, 1, 2) == seed_of(0, 12)
        (True, False)
    """
    text = "/".join(map(str, (seed, *position)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1
