"""Which words spoke for what a model said: marks on the texts that the report shows, by Integrated Gradients."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from headstart.backbones.converted import ConvertedBackbone
from headstart.backbones.preprocess import as_batch
from headstart.core.errors import UnavailableError
from headstart.data.modality import TokenPlaces
from headstart.data.token_marks import pieces
from headstart.transfer.heads import LinearHead
from headstart.workflows.fitted import Fitted
from headstart.workflows.gather import Examples

#: Points on the path from a text without a word to the text.
STEPS = 16
#: Items are marked, the most wrong first, until so many tokens have been attributed: each costs as much as training on
#: it for :data:`STEPS` steps.
MOST_TOKENS = 512


def marked(most_wrong: list[dict[str, Any]], examples: Examples, saved: Fitted) -> list[dict[str, Any]]:
    """The most wrong items, with marks on those whose tokens are affordable.

    Args:
        most_wrong: Entries of the evidence, each with ``id``, ``predicted`` and ``exhibit``.
        examples: The examples.
        saved: The model that answered.

    Raises:
        UnavailableError: captum is not installed.
        OSError: An item can no longer be read.
    """
    places, head = examples.modality.places, saved.head
    if places is None or not isinstance(head, LinearHead) or not most_wrong:
        return most_wrong
    if find_spec("captum") is None:  # before anything is loaded for it
        raise UnavailableError.missing_extra("Marking words", module="captum", extra="text")
    preprocess = saved.backbone.card.preprocess
    sources = {item.id: item.source for item in examples.arranged.items}
    contents = [sources[entry["id"]].read() for entry in most_wrong]
    inputs = [examples.modality.prepare(content, preprocess).inputs for content in contents]
    affordable = int(np.searchsorted(np.cumsum([len(tokens) for tokens in inputs]), MOST_TOKENS, side="right"))
    predicted = [examples.arranged.classes.index(entry["predicted"]) for entry in most_wrong]
    shown = [places(content, preprocess) for content in contents[:affordable]]
    marks = _marks(saved.backbone, head, inputs[:affordable], predicted[:affordable], shown)
    return [
        *(
            {**entry, "exhibit": {**entry["exhibit"], "text": found.text, "marks": mark}}
            for entry, found, mark in zip(most_wrong, shown, marks, strict=False)
        ),
        *most_wrong[affordable:],
    ]


def _marks(
    backbone: ConvertedBackbone,
    head: LinearHead,
    inputs: Sequence[Any],
    predicted: Sequence[int],
    shown: Sequence[TokenPlaces],
) -> list[tuple[tuple[str, float], ...]]:
    if not inputs:
        return []
    from headstart.evaluation.attribution import attribute

    weights = attribute(
        backbone.load(), head.weight, head.bias, as_batch(inputs), predicted, neutral=shown[0].neutral, steps=STEPS
    )
    return [
        pieces(found.places, found.text, row[: len(found.places)].tolist())
        for found, row in zip(shown, weights, strict=True)
    ]
