"""Small language models on disk, and running text that can be foretold."""

from pathlib import Path

import numpy as np
from tests.backbones.small_texts import source_model, tokenizer


def save_model(folder: Path, family: str, *, masked: bool = False) -> Path:
    """A small model with random weights and a tokenizer of the words ``w0`` to ``w79``, if asked for with a mask."""
    source_model(family).save_pretrained(folder)
    made = tokenizer()
    if masked:
        made.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    made.save(str(folder / "tokenizer.json"))
    return folder


def chain(count: int, seed: int) -> str:
    """Lines in which each word is the one before plus 1 or 2: two words are as likely as each other, all others not."""
    steps = np.random.default_rng(seed).integers(1, 3, count).cumsum() % 10
    words = [f"w{step}" for step in steps]
    return "\n".join(" ".join(words[begin : begin + 12]) for begin in range(0, count, 12)) + "\n"
