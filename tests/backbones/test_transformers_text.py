"""Text models of transformers with random weights: architectures in a line, the law, the engine."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.backbones.small_texts import SMALL, VOCABULARY, enlarge

from headstart.backbones import transformers_text_families
from headstart.backbones.architectures import build
from headstart.backbones.card import BackboneCard
from headstart.backbones.conversion import convert
from headstart.backbones.splitting import split_for
from headstart.backbones.stages import StagedBackbone
from headstart.backbones.text_pooling import TextPooling
from headstart.backbones.text_preprocess import TextPreprocess
from headstart.backbones.text_tokens import Tokens
from headstart.backbones.transformers_architecture import read_architecture
from headstart.backbones.transformers_text import text_architecture, text_configuration
from headstart.backbones.transformers_text_families import FAMILIES
from headstart.core.errors import UnavailableError, UnknownNameError, UsageError

SPEC = TextPreprocess("0" * 64, 64, VOCABULARY)


def large(family: str) -> StagedBackbone:
    """Its weights large enough for every mask and bias to have a say."""
    model = build("transformers_text", SMALL[family], SPEC.size)
    enlarge(model)
    return split_for(model, SPEC).eval()


def entering(backbone: StagedBackbone, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    hidden, context = SPEC.entrance()(torch.from_numpy(SPEC.random_inputs(4, seed=seed)))
    return hidden, context


def test_every_family_is_tried_here() -> None:
    assert SMALL.keys() == FAMILIES.keys()


@pytest.mark.parametrize("family", SMALL)
def test_the_law_holds_at_every_cut(family: str) -> None:
    backbone = large(family)
    norm = [FAMILIES[family].norm] if FAMILIES[family].norm else []
    blocks = [f"{FAMILIES[family].blocks}.{place}" for place in range(3)]
    assert [stage.name for stage in backbone.stages] == ["embeddings", *blocks, *norm, "pool"]
    assert [stage.layout for stage in backbone.stages] == ["NLC"] * (len(backbone.stages) - 1) + ["NC"]
    assert all(stage.boundary and stage.dim == 32 for stage in backbone.stages)


@pytest.mark.parametrize("family", SMALL)
def test_an_architecture_fits_in_a_line_and_comes_out_of_it_again(family: str) -> None:
    model_type, settings = read_architecture(SMALL[family])
    pooling = TextPooling.taken_from(settings)
    assert text_architecture(text_configuration(model_type, settings), pooling) == SMALL[family]


@pytest.mark.parametrize("family", SMALL)
def test_padding_and_neighbours_change_nothing(family: str) -> None:
    backbone = large(family)
    hidden, context = entering(backbone, seed=1)
    with torch.inference_mode():
        together = backbone(hidden, context=context)
        for row, expected in zip(hidden, together, strict=True):
            alone = row[row >= 0][None]
            torch.testing.assert_close(backbone(alone, context=alone)[0], expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("family", sorted(SMALL.keys() - {"xlm-roberta", "camembert", "llama", "mistral"}))
def test_the_engine_computes_what_torch_computes(family: str, tmp_path: Path) -> None:
    """``convert`` compares every stage itself, at another length than the one it traced."""
    backbone = large(family)
    hidden, context = entering(backbone, seed=2)
    with torch.inference_mode():
        before = backbone(hidden, context=context)
    library = "transformers_text"
    card = BackboneCard("hf:x", "", SMALL[family], library, "mit", "", "", 1, "0" * 64, SPEC, backbone.stages)
    assert (convert(backbone, card, tmp_path) / "engine.xml").is_file()
    with torch.inference_mode():
        torch.testing.assert_close(backbone(hidden, context=context), before)


#: What a stage could do with its tokens.
FORGETFUL = {
    "the mask": lambda tokens: replace(tokens, real=torch.ones_like(tokens.real)),
    "the second text": lambda tokens: replace(tokens, second=torch.zeros_like(tokens.second)),
}


@pytest.mark.parametrize("forgotten", FORGETFUL)
def test_the_law_notices_what_a_stage_forgets(forgotten: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build("transformers_text", SMALL["bert"], SPEC.size)
    enlarge(model)
    forget, family = FORGETFUL[forgotten], FAMILIES["bert"]
    parts = list(model.own_parts)
    for place, part in enumerate(parts[:-1]):
        field = "embed" if place == 0 else "run"
        whole = getattr(family, field)
        parts[place] = replace(
            part, step=replace(part.step, **{field: lambda *given, whole=whole: whole(*given[:-1], forget(given[-1]))})
        )
    model.own_parts = tuple(parts)
    with pytest.raises(UnavailableError, match="another result"):
        split_for(model, SPEC)


@pytest.mark.parametrize("family", ["t5", "mpnet", "deberta-v2"])
def test_the_table_that_all_blocks_read_is_owned_by_the_embeddings(family: str) -> None:
    backbone = large(family)
    owned = [set(backbone.stage_state(stage.name)) for stage in backbone.stages]
    (table,) = (
        name
        for name in backbone.model.state_dict()
        if name.endswith(("attention_bias.weight", "rel_embeddings.weight"))
    )
    assert [table in names for names in owned] == [True] + [False] * (len(owned) - 1)
    assert sum(map(len, owned)) == len(set.union(*owned)) == len(backbone.model.state_dict())
    hidden, context = entering(backbone, seed=0)
    with torch.no_grad():
        below = backbone(hidden, stop=1, context=context)
        before = backbone(below, start=1, context=context)
        backbone.model.state_dict()[table].copy_(torch.randn(backbone.model.state_dict()[table].shape))
        assert not torch.allclose(backbone(below, start=1, context=context), before)


def test_a_block_holds_its_modules_but_not_the_table_inside() -> None:
    block = large("t5").parts[1]
    assert block.holds("block.0.layer.0.SelfAttention")
    assert block.holds("block.0.layer.0.SelfAttention.q.weight")
    assert not block.holds("block.0.layer.0.SelfAttention.relative_attention_bias.weight")
    assert not block.holds("block.1.layer.0.SelfAttention.q.weight")


def test_states_before_the_pooling_are_the_librarys_last_hidden_state() -> None:
    backbone = large("gpt2")
    hidden, context = entering(backbone, seed=0)
    tokens = Tokens.unpack(context, padding=0)
    with torch.inference_mode():
        found = backbone(hidden, stop="pool", context=context)
        theirs = (
            type(backbone.model)
            .forward(backbone.model, input_ids=tokens.ids, attention_mask=tokens.real.long())
            .last_hidden_state
        )
    torch.testing.assert_close(found[tokens.real], theirs[tokens.real])
    assert backbone.model.get_input_embeddings().weight.shape == (VOCABULARY, 32)


def test_half_precision_stays_finite() -> None:
    for family in ("bert", "deberta-v2", "gpt2"):
        backbone = large(family).half()
        hidden, context = entering(backbone, seed=1)
        with torch.inference_mode():
            assert all(output.isfinite().all() for output in backbone.outputs(hidden, context))


@pytest.mark.parametrize("family", SMALL)
def test_it_trains_in_mixed_precision_above_a_boundary(family: str) -> None:
    backbone = large(family).train()
    hidden, context = entering(backbone, seed=0)
    with torch.autocast("cpu", torch.bfloat16):
        below = backbone(hidden, stop=2, context=context).detach()
        features = backbone(below, start=2, context=context)
    features.float().square().sum().backward()
    moved = {name for name, tensor in backbone.model.named_parameters() if tensor.grad is not None}
    above = {name for stage in backbone.stages[2:] for name in backbone.stage_state(stage.name)}
    assert features.isfinite().all()
    assert above <= moved
    assert not moved & set(backbone.stage_state(1))


def test_without_tokens_a_block_says_what_it_lacks() -> None:
    backbone = large("bert")
    with pytest.raises(UsageError, match="tokens as the context"):
        backbone(torch.zeros(1, 4, 32), start=1)


def test_more_tokens_than_positions_are_refused() -> None:
    with pytest.raises(UsageError, match="at most 510 tokens"):
        build("transformers_text", SMALL["roberta"], 512)


def test_a_family_that_is_not_supported_is_named() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'bert'"):
        build("transformers_text", "bart(pooling='mean')", 32)
    assert transformers_text_families.family_of("gpt2").causal
