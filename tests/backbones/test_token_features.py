import pytest
import torch
from tests.backbones.small_texts import SMALL

from headstart.backbones.architectures import build
from headstart.backbones.card import BackboneCard, ImagePreprocess, Stage
from headstart.backbones.splitting import split_for
from headstart.backbones.text_preprocess import TextPreprocess
from headstart.backbones.token_features import token_stage, without_pooling
from headstart.core.errors import UsageError


def card(*stages: Stage, text: bool = True) -> BackboneCard:
    preprocess = TextPreprocess("0", 8, 10) if text else ImagePreprocess(8, 1.0, "bilinear", (0, 0, 0), (1, 1, 1))
    return BackboneCard("hf:x", "x", "x", "x", "mit", "x", "x", 1, "0", preprocess, stages)


def test_the_features_of_tokens_are_what_is_pooled() -> None:
    tokens, pool = Stage("layer.1", 8, "NLC"), Stage("pool", 8, "NC")
    assert token_stage(card(Stage("embeddings", 8, "NLC"), tokens, pool)) == tokens


@pytest.mark.parametrize(
    ("stages", "text"),
    [
        ((Stage("layer", 8, "NLC"), Stage("pool", 8, "NC")), False),
        ((Stage("layer", 8, "NC"), Stage("pool", 8, "NC")), True),
        ((Stage("only", 8, "NLC"),), True),
    ],
)
def test_a_backbone_that_has_none_is_refused(stages: tuple[Stage, ...], text: bool) -> None:
    with pytest.raises(UsageError, match="pools the features of tokens"):
        token_stage(card(*stages, text=text))


def test_without_pooling_every_token_keeps_its_features() -> None:
    spec = TextPreprocess("0" * 64, 32, 90)
    backbone = split_for(build("transformers_text", SMALL["bert"], spec.size, seed=0), spec)
    hidden, context = spec.entrance()(torch.from_numpy(spec.random_inputs(4)))
    below = without_pooling(backbone)
    with torch.no_grad():
        features = below(hidden, context=context)
        pooled = backbone(hidden, context=context)
    assert features.shape == (*hidden.shape, 32)
    assert [stage.name for stage in below.stages] == [stage.name for stage in backbone.stages[:-1]]
    torch.testing.assert_close(backbone.pooled(features, below.stages[-1].name, context), pooled)
