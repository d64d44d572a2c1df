"""Examples of different lengths over a tiny backbone, with no more to them than what is asked of them."""

from types import SimpleNamespace

import numpy as np
from tests.tiny_texts import tiny_texts

from headstart.data.items import SPLITS
from headstart.data.modality import MODALITIES
from headstart.features.admission import Admission, Choice
from headstart.features.engines.contract import EngineSpec
from headstart.features.extraction import read_digests

SPEC = EngineSpec("openvino", "f32")


def text_examples(backbone, lengths, *, speed=100.0):
    """Texts of so many words, the last three for validation; the engine was tried at ``speed`` texts per second."""
    items = tiny_texts(lengths)
    rows = {"train": np.arange(len(items) - 3), "validation": np.arange(len(items) - 3, len(items)), "test": []}
    arranged = SimpleNamespace(items=items, labels=np.arange(len(items)) % 2, rows=rows.__getitem__, classes=["a", "b"])
    assert set(rows) == set(SPLITS)
    choice = Choice(SPEC, (Admission(SPEC, True, len(items), 1.0, 0.0, speed),))
    return SimpleNamespace(
        arranged=arranged,
        digests=read_digests(items).values,
        backbone=backbone,
        choice=choice,
        modality=MODALITIES["text"],
    )
