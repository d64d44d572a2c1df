"""A language model that somebody else trained, on a text that it wrote itself (llama2.c, doc/stories260K.md)."""

from pathlib import Path

import numpy as np
import pytest

from headstart.backbones.catalog import open_backbone
from headstart.data.text_streams import Streams
from headstart.metrics.perplexity import perplexity
from headstart.tasks.language_head import IGNORED
from headstart.tasks.language_model import LanguageModelling
from headstart.training.inference import forward
from headstart.transfer.language_tuning import token_losses
from headstart.workflows.language_model.corpus import Corpus, corpus_of
from headstart.workflows.language_model.networks import source_network

_GREEDY = (
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a "
    "big, red ball. She wanted to play with it, but it was too high.\nLily's mom said, \"Lily, let's go to the park.\" "
    "Lily was sad and didn't know what to do. She said, \"I want to play with your ball, but I can't find it.\"\n"
)


@pytest.fixture
def stories(real_data: Path) -> Path:
    folder = real_data.parent / "weights" / "stories260k" / "hf"
    if not folder.is_dir():
        pytest.skip("needs the weights that lie beside the test data")
    return folder


def test_what_a_model_wrote_itself_is_no_surprise_to_it(stories: Path) -> None:
    source = open_backbone(f"hf:{stories}", allow_licenses=("unknown", "unknown (the owner's file)"))
    corpus: Corpus = corpus_of(Streams("", "", _GREEDY, _GREEDY, _GREEDY, ()), source.card)
    network, answers = source_network(source, LanguageModelling("next token"), seed=0)
    losses = token_losses(network.eval(), corpus.judged("test"))
    assert answers
    assert len(losses) == len(corpus.tokens["test"])
    assert perplexity(losses, np.ones(len(losses), np.int64)) < 1.7
    batch = corpus.judged("test").batch(np.array([0]), None)
    likeliest = forward(network, batch, with_targets=False).argmax(dim=-1)
    asked = batch.targets != IGNORED
    assert (likeliest[asked] == batch.targets[asked]).float().mean() > 0.95  # it was written by taking the likeliest
