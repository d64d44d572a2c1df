"""Texts: sentences, reviews, headlines, and pairs of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.text_preprocess import TextPreprocess, places, tokenise
from headstart.core.machine import version
from headstart.data import text_shingles, texts
from headstart.data.inspection import Inspection
from headstart.data.items import Content
from headstart.data.modality import Exhibit, Modality, Prepared, SmallNetwork, TokenPlaces
from headstart.evaluation.tfidf import fit_tfidf

#: Raised whenever data/texts.py or data/text_shingles.py comes to give another value.
RULE = "text rule 1"

_SHOWN_CHARACTERS = 2000
#: First bytes of what is often saved under a text's name.
_OTHER_KINDS = {b"%PDF": "a PDF", b"PK\x03\x04": "an archive or an office document", b"{\\rtf": "rich text"}


def _rule() -> str:
    return f"{RULE}, Unicode {unicodedata.unidata_version}, tokenizers {version('tokenizers')}"


def _prepare(content: Content, preprocess: TextPreprocess | None) -> Prepared:
    text = texts.decode(content)
    numbers = text_shingles.shingles(text.whole)
    inputs = tokenise(preprocess, [text.parts])[0] if preprocess else np.empty(0, dtype=np.int32)
    return Prepared(
        inspection=Inspection(
            content_digest=texts.text_digest(text),
            near_hash=text_shingles.near_hash(numbers),
            size=(sum(map(len, text.parts)), len(text.whole.split())),
            notes=(*text.notes, *_limit_notes(inputs, preprocess)),
        ),
        inputs=inputs,
        plain=text_shingles.hashed_counts(numbers),
    )


def _limit_notes(inputs: NDArray[Any], preprocess: TextPreprocess | None) -> tuple[str, ...]:
    if preprocess is None or len(inputs) < preprocess.size:
        return ()
    return (f"reached the limit of {preprocess.size} tokens; what is longer was cut off",)


def _prepare_reference(content: Content, preprocess: TextPreprocess) -> NDArray[Any]:
    return tokenise(preprocess, [texts.decode(content).parts])[0]


def _small_network(_: Sequence[Inspection], preprocess: TextPreprocess) -> SmallNetwork:
    """On the tokens that the backbone sees."""
    return SmallNetwork("headstart", f"small_text_network(vocabulary={preprocess.vocabulary})", preprocess)


def _exhibit(content: Content) -> Exhibit:
    whole = texts.SEPARATOR.join(texts.decode(content).parts)
    return Exhibit(text=whole if len(whole) <= _SHOWN_CHARACTERS else f"{whole[:_SHOWN_CHARACTERS]}…")


def _places(content: Content, preprocess: TextPreprocess) -> TokenPlaces:
    parts = texts.decode(content).parts
    return TokenPlaces(texts.SEPARATOR.join(parts), places(preprocess, parts), preprocess.blank)


def _form(content: Content) -> str:
    paired = isinstance(content, bytes) and texts.SEPARATOR.encode() in content
    return "a pair of texts" if paired else "a single text"


def _mismatch(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            start = stream.read(8)
    except OSError:
        return None  # decoding will name it
    kind = next((kind for mark, kind in _OTHER_KINDS.items() if start.startswith(mark)), None)
    return kind and f"is {kind} although its name ends in {path.suffix!r}"


TEXT = Modality(
    name="text",
    item_word="text",
    examples=('"a text"', "reviews.csv", "folder/"),
    suffixes=texts.SUFFIXES,
    default_backbone="bundled:minilm-l6",
    plain_name="hashed n-grams",
    size_name="characters and words",
    takes=frozenset({TextPreprocess.kind}),
    in_cells=True,
    literal=True,
    feature="string",
    rule=_rule,
    prepare=_prepare,
    prepare_reference=_prepare_reference,
    augment=None,
    invariances={},
    jitter=None,
    plain_model=fit_tfidf,
    small_network=_small_network,
    exhibit=_exhibit,
    mismatch=_mismatch,
    places=_places,
    form=_form,
)
