"""Tokenizers of llama2.c, held against llama2.c's own algorithm."""

from __future__ import annotations

import itertools
import struct

import numpy as np
import pytest

from headstart.backbones.llama2c_tokenizer import tokenizer_json
from headstart.core.errors import WeightsError

tokenizers = pytest.importorskip("tokenizers")


def _file() -> bytes:
    words = ["he", " t", " the", "an", " an", "nd", " and", "€", "ab", "ba", "aba"]
    letters = [*" abcdehnt<>uk", "ä"]
    pieces = [("<unk>", 0.0), ("\n<s>\n", 0.0), ("\n</s>\n", 0.0), *((f"<0x{byte:02X}>", 0.0) for byte in range(256))]
    pieces += [(word, -float(place)) for place, word in enumerate(words)]
    pieces += [(letter, -float(len(words) + place)) for place, letter in enumerate(letters)]
    body = b"".join(struct.pack("<fi", score, len(piece.encode())) + piece.encode() for piece, score in pieces)
    return struct.pack("<i", max(len(piece.encode()) for piece, _ in pieces)) + body


def _llama2c(content: bytes, text: str) -> list[int]:
    """``encode`` of run.c, step by step."""
    pieces, scores, place = [], [], 4
    while place < len(content):
        score, length = struct.unpack_from("<fi", content, place)
        pieces.append(content[place + 8 : place + 8 + length].decode())
        scores.append(score)
        place += 8 + length
    ids = {piece: number for number, piece in enumerate(pieces)}
    tokens = [ids[" "]]
    for letter in text:
        tokens += [ids[letter]] if letter in ids else [byte + 3 for byte in letter.encode()]
    while True:
        joined = [ids.get(pieces[a] + pieces[b]) for a, b in itertools.pairwise(tokens)]
        best = max((scores[new], -place) for place, new in enumerate(joined) if new) if any(joined) else None
        if best is None:
            return [1, *tokens]
        place = -best[1]
        tokens[place : place + 2] = [joined[place]]


@pytest.mark.parametrize("text", ["the and", " a  ban and the", "Hé\tä€ <unk>\n", "ababababa an", "cabba thean"])
def test_it_encodes_as_llama2c_does(text):
    tokenizer = tokenizers.Tokenizer.from_buffer(tokenizer_json(_file()))
    assert tokenizer.encode(text).ids == _llama2c(_file(), text)
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_chance_texts_agree():
    tokenizer = tokenizers.Tokenizer.from_buffer(tokenizer_json(_file()))
    generator = np.random.default_rng(0)
    for _ in range(50):
        text = "".join(generator.choice(list(" abcdehntxyz€"), size=30))
        assert tokenizer.encode(text).ids == _llama2c(_file(), text)


@pytest.mark.parametrize("content", [b"", b"not a tokenizer at all", _file()[:-3], _file()[:100]])
def test_what_is_no_such_file_is_refused(content):
    with pytest.raises(WeightsError, match=r"llama2\.c"):
        tokenizer_json(content)


def test_the_real_tokenizer_agrees(stories, wikitext):
    content = (stories / "tok512.bin").read_bytes()
    tokenizer = tokenizers.Tokenizer.from_buffer(tokenizer_json(content))
    for line in wikitext.read_text(encoding="utf-8").splitlines(keepends=True)[:30]:
        assert tokenizer.encode(line[:400]).ids == _llama2c(content, line[:400])


@pytest.fixture
def wikitext(real_data):
    return real_data / "wikitext2" / "test.txt"


@pytest.fixture
def stories(real_data):
    folder = real_data.parent / "weights" / "stories260k"
    if not folder.is_dir():
        pytest.skip("needs the weights that lie beside the test data")
    return folder
