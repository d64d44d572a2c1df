"""The tokenizers of llama2.c (github.com/karpathy/llama2.c): a file of pieces and scores, as a tokenizers JSON.

The file holds one int32, the longest piece's length, and then for each piece a float32 score, its length as int32 and
its bytes, all little-endian. llama2.c begins with a space, cuts the text into characters (those that are no piece into
bytes) and joins, again and again, the two neighbours that make the piece with the highest score. That is byte-pair
encoding (Sennrich et al. 2016) whose merges are ordered by score.
"""

from __future__ import annotations

import json
import struct
from typing import Any

from headstart.core.errors import WeightsError

#: Pieces 0 to 2 stand for an unknown character, the beginning and the end of a text; then come all 256 bytes. A text
#: may hold ``<unk>`` (WikiText does), which llama2.c reads as five characters.
UNKNOWN, BEGIN, END = "<unk>", "\n<s>\n", "\n</s>\n"
_BYTES = 256
_SPACE = "▁"  # sentencepiece's own way of writing a space inside a piece


def tokenizer_json(content: bytes) -> bytes:
    """A llama2.c tokenizer as the JSON of the tokenizers library; it encodes exactly as llama2.c does.

    Args:
        content: The file, such as ``tok512.bin``.

    Raises:
        WeightsError: It is not such a file.
    """
    pieces = _pieces(content)
    vocabulary = {piece: place for place, (piece, _) in enumerate(pieces)}
    if len(vocabulary) != len(pieces):
        raise WeightsError(f"Expected {len(pieces)} different pieces in a llama2.c tokenizer, but some stand twice.")
    model = {
        "type": "BPE",
        "unk_token": UNKNOWN,
        "fuse_unk": True,
        "byte_fallback": True,
        "vocab": vocabulary,
        "merges": _merges(pieces, vocabulary),
    }
    return json.dumps({**_AROUND, "model": model}, ensure_ascii=False).encode()


def _pieces(content: bytes) -> list[tuple[str, float]]:
    """Pieces with their scores, special ones and bytes under the names that the tokenizers library wants."""
    found: list[tuple[str, float]] = []
    place = 4
    try:
        while place < len(content):
            score, length = struct.unpack_from("<fi", content, place)
            place += 8
            if not 0 < length <= len(content) - place:
                raise ValueError(f"a piece of {length} bytes")
            found.append((content[place : place + length].decode(), score))
            place += length
    except (struct.error, ValueError) as error:
        raise WeightsError(
            f"Expected a tokenizer of llama2.c, but piece {len(found)} cannot be read: {error}."
        ) from error
    if len(found) <= 3 + _BYTES or found[3][0] != "<0x00>":
        raise WeightsError(f"Expected a tokenizer of llama2.c with all {_BYTES} bytes, but got {len(found)} pieces.")
    named = [(UNKNOWN, 0.0), (BEGIN, 0.0), (END, 0.0), *found[3:]]
    return [(piece.replace(" ", _SPACE), score) for piece, score in named]


def _merges(pieces: list[tuple[str, float]], vocabulary: dict[str, int]) -> list[list[str]]:
    """Every pair of pieces that makes a third, the highest score first."""
    ordered = sorted(pieces[3 + _BYTES :], key=lambda entry: -entry[1])
    return [
        [piece[:cut], piece[cut:]]
        for piece, _ in ordered
        for cut in range(1, len(piece))
        if piece[:cut] in vocabulary and piece[cut:] in vocabulary
    ]


def _special(place: int, piece: str) -> dict[str, Any]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": place, "content": piece, **flags, "special": True}


_AROUND: dict[str, Any] = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [_special(place, piece) for place, piece in ((1, BEGIN), (2, END))],
    "normalizer": {
        "type": "Sequence",
        "normalizers": [
            {"type": "Prepend", "prepend": _SPACE},
            {"type": "Replace", "pattern": {"String": " "}, "content": _SPACE},
        ],
    },
    "pre_tokenizer": None,
    "post_processor": {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": BEGIN, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [
            {"SpecialToken": {"id": BEGIN, "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
            {"Sequence": {"id": "B", "type_id": 1}},
        ],
        "special_tokens": {BEGIN: {"id": BEGIN, "ids": [1], "tokens": [BEGIN]}},
    },
    "decoder": {
        "type": "Sequence",
        "decoders": [
            {"type": "Replace", "pattern": {"String": _SPACE}, "content": " "},
            {"type": "ByteFallback"},
            {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0},
        ],
    },
}
