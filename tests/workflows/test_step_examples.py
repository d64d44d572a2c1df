"""What a training sees of texts: the same however what lies below the boundary is had."""

import numpy as np
import pytest
import torch
from tests.tiny_texts import tiny_text_backbone
from tests.workflows.lengths import text_examples

from headstart.core.errors import UsageError
from headstart.core.progress import Silent
from headstart.data.modality import MODALITIES
from headstart.features import store
from headstart.features.boundary_cache import never
from headstart.training.phase import LearningRates, Phase
from headstart.transfer.tuning_plan import TuningStep
from headstart.workflows.step_examples import VIEWS, TuneOptions, training_examples, wanted_views

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

LENGTHS = [3, 60, 1, 17, 40, 9, 25, 2, 33, 50, 6, 12]
OPTIONS = TuneOptions(budget=1.0, views=0)


@pytest.fixture(scope="module")
def backbone(shared_cache, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(shared_cache))
        yield tiny_text_backbone(tmp_path_factory.mktemp("models"))


@pytest.fixture(autouse=True)
def empty_features(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "cache_home", lambda: tmp_path)


def step(boundary, below):
    phase = Phase(boundary, epochs=1, learning_rates=LearningRates(1e-3, 1e-3, 1.0), batch_size=4, patience=1)
    return TuningStep("a step", "partial", (phase,), below, 0, 0.5, 1.0)


def answers(examples, boundary, below, rows):
    """What the backbone makes of some training examples, however they enter it."""
    module, made = examples.backbone.load(), step(boundary, below)
    with (
        training_examples(examples, made, admitted=(), options=OPTIONS, stop=never, progress=Silent()) as (train, _),
        torch.inference_mode(),
    ):
        batch = train.batch(rows, torch.Generator().manual_seed(0))
        return module(batch.inputs, start=batch.start, context=batch.context), batch


@pytest.mark.parametrize("rows", [[1, 0, 4], [7, 2], [8, 7, 6, 5, 4, 3, 2, 1, 0]], ids=str)
def test_the_answers_are_the_same_however_examples_enter(rows, backbone):
    examples, rows = text_examples(backbone, LENGTHS), np.array(rows)
    expected, at_bottom = answers(examples, "bottom", "nothing", rows)
    for below in ("cached", "computed each time"):
        found, batch = answers(examples, "encoder.layer.2", below, rows)
        torch.testing.assert_close(found, expected, atol=5e-3, rtol=5e-3)
        assert batch.context.shape == batch.inputs.shape[:2]
        assert [row[row >= 0].tolist() for row in batch.context] == [
            row[row >= 0].tolist() for row in at_bottom.context
        ]


def test_views_of_texts_are_refused_and_none_is_what_suits_them():
    text, image = MODALITIES["text"], MODALITIES["image"]
    assert wanted_views(text, None) == wanted_views(text, 0) == 0
    assert (wanted_views(image, None), wanted_views(image, 0), wanted_views(image, 3)) == (VIEWS, 0, 3)
    with pytest.raises(UsageError, match="Expected --views 0 for texts"):
        wanted_views(text, 1)
