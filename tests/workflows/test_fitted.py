from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstart.backbones.conversion import open_source, state_arrays
from headstart.backbones.sources.contract import Request
from headstart.core.run_folder import publish_run
from headstart.transfer.heads import Head, LinearHead, MlpHead
from headstart.workflows.fitted import convert_tuned, saved_linear_head

LINEAR = LinearHead(np.arange(6, dtype=np.float32).reshape(3, 2), np.ones(3, np.float32), temperature=2.0)
LAYER = (np.ones((2, 2), np.float32), np.ones(2, np.float32))


def test_a_tuned_backbone_says_where_it_comes_from_and_has_the_weights_that_training_left() -> None:
    backbone, card = open_source(Request.parse("headstart:small_convnet.8", random_weights=True))
    weights = {
        name: np.asarray(values + np.ones((), values.dtype)) for name, values in state_arrays(backbone.model).items()
    }
    converted = convert_tuned(card, weights, training="from stage 2", data="letters")
    assert converted.card.source == f"from stage 2, tuned by headstart on letters, from: {card.source}"
    assert converted.card.sha256 != card.sha256
    for name, values in state_arrays(converted.load().model).items():
        np.testing.assert_array_equal(values, weights[name])


def saved(folder: Path, head: Head, kind: str) -> Path:
    manifest: dict[str, Any] = {"strategy": {"head": kind, "temperature": head.temperature}}
    publish_run(
        folder,
        tensors=head.tensors(),
        manifest=manifest,
        measure=lambda _: ({}, {}),
        decorate=lambda _: None,
        log=lambda: [],
    )
    return folder


def test_a_linear_head_is_read_as_it_was_saved(tmp_path: Path) -> None:
    found = saved_linear_head(saved(tmp_path / "run", LINEAR, "linear"))
    np.testing.assert_array_equal(found.weight, LINEAR.weight)
    np.testing.assert_array_equal(found.bias, LINEAR.bias)
    assert found.temperature == LINEAR.temperature


def test_another_head_is_no_linear_one(tmp_path: Path) -> None:
    folder = saved(tmp_path / "run", MlpHead(LAYER, LAYER, temperature=1.0), "mlp")
    with pytest.raises(TypeError, match=r"Expected a linear head in .*run, but got MlpHead"):
        saved_linear_head(folder)
