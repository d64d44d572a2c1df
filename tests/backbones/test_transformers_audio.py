"""Sound models of transformers with random weights: architectures in a line, the law, the engine's graph."""

from pathlib import Path

import pytest
import torch
import transformers
from torch import Tensor, nn

from headstart.backbones.architectures import build
from headstart.backbones.card import BackboneCard
from headstart.backbones.conversion import convert
from headstart.backbones.law import shaken
from headstart.backbones.preprocess import Preprocess
from headstart.backbones.sound_preprocess import MelPreprocess, WaveformPreprocess
from headstart.backbones.splitting import split_for
from headstart.backbones.stages import StagedBackbone
from headstart.backbones.transformers_architecture import write_architecture
from headstart.backbones.transformers_audio import build_sound, sound_architecture_text, sound_configuration
from headstart.backbones.transformers_audio_families import SOUND_FAMILIES
from headstart.core.errors import UnavailableError, UnknownNameError

SPEECH = (
    "conv_dim=[16, 16, 16], conv_kernel=[10, 3, 3], conv_stride=[5, 2, 2], {}hidden_size=32, intermediate_size=64, "
    "num_attention_heads=2, num_conv_pos_embedding_groups=4, num_conv_pos_embeddings=16, num_hidden_layers=2"
)
NORM_FIRST, NORM_LAST = SPEECH.format(""), SPEECH.format("do_stable_layer_norm=True, feat_extract_norm='layer', ")
PATCHES = {
    "hidden_size": 32, "intermediate_size": 64, "max_length": 64, "num_attention_heads": 2, "num_hidden_layers": 2,
    "num_mel_bins": 32,
}  # fmt: skip
SAMPLES = WaveformPreprocess(16000, 800, unit_variance=True)
KALDI = MelPreprocess(16000, 64, 32, 400, 160, 512, 20, 8000, "kaldi", "kaldi", -4.3, 9.1)
WHISPER = MelPreprocess(16000, 48, 16, 400, 160, 400, 0, 8000, "slaney", "whisper", 0.0, 1.0)

FIRST_AND_BLOCKS = ["feature_extractor", "encoder.layers.0", "encoder.layers.1"]

#: Small architectures in their canonical text, how their inputs are prepared, and their stages.
SMALL: dict[str, tuple[str, Preprocess, list[str]]] = {
    **{
        family: (f"{family}({NORM_FIRST})", SAMPLES, [*FIRST_AND_BLOCKS, "pool"])
        for family in ("wav2vec2", "hubert", "wavlm")
    },
    **{
        f"{family}-norm-last": (f"{family}({NORM_LAST})", SAMPLES, [*FIRST_AND_BLOCKS, "encoder.layer_norm"])
        for family in ("wav2vec2", "hubert", "wavlm")
    },
    "audio-spectrogram-transformer": (
        write_architecture("audio-spectrogram-transformer", PATCHES),
        KALDI,
        ["embeddings", "layers.0", "layers.1", "layernorm"],
    ),
    "whisper": (
        "whisper(d_model=32, encoder_attention_heads=2, encoder_ffn_dim=64, encoder_layers=2, max_source_positions=24, "
        "num_mel_bins=16)",
        WHISPER,
        ["conv1", "layers.0", "layers.1", "layer_norm"],
    ),
}


def test_every_family_is_tried_here() -> None:
    assert {name.removesuffix("-norm-last") for name in SMALL} == SOUND_FAMILIES.keys()


def small(name: str) -> StagedBackbone:
    """One of them, cut."""
    text, spec, _ = SMALL[name]
    return split_for(build("transformers_audio", text, spec.size), spec)


def inputs_of(name: str, *, seed: int = 5) -> Tensor:
    """Noise as prepared, behind the entrance."""
    spec = SMALL[name][1]
    return spec.entrance()(torch.from_numpy(spec.random_inputs(3, seed=seed)))[0]


@pytest.mark.parametrize("name", SMALL)
def test_the_law_holds_at_every_cut(name: str) -> None:
    stages = small(name).stages
    assert [stage.name for stage in stages] == SMALL[name][2]
    assert [(stage.dim, stage.layout, stage.boundary) for stage in stages] == [
        *[(32, "NLC", True)] * 3,
        (32, "NC", True),
    ]


@pytest.mark.parametrize("name", SMALL)
def test_its_pooled_features_are_what_the_library_itself_would_pool(name: str) -> None:
    awake, inputs = shaken(small(name)), inputs_of(name)
    with torch.inference_mode():
        torch.testing.assert_close(awake(inputs), library_pooled(awake.model, inputs))


def library_pooled(model: nn.Module, inputs: Tensor) -> Tensor:
    """From the library's whole model with these weights: no hook and no part of ours."""
    if model.config.model_type == "whisper":
        whole = transformers.WhisperForAudioClassification(model.config).eval()
        whole.encoder.load_state_dict(model.state_dict())
        return whole.encoder(inputs.transpose(1, 2)).last_hidden_state.mean(1)
    whole = transformers.AutoModel.from_config(model.config).eval()
    whole.load_state_dict(model.state_dict())
    output = whole(inputs)
    return output.pooler_output if model.config.model_type.startswith("audio") else output.last_hidden_state.mean(1)


@pytest.mark.parametrize("name", SMALL)
def test_an_architecture_fits_in_a_line_and_comes_out_of_it_again(name: str) -> None:
    text = SMALL[name][0]
    assert sound_architecture_text(build_sound(text, 0).config) == text


@pytest.mark.parametrize("name", ["wav2vec2", "hubert-norm-last", "wavlm", "audio-spectrogram-transformer", "whisper"])
def test_the_engine_computes_what_torch_computes(name: str, tmp_path: Path) -> None:
    """``convert`` compares every stage itself, at another batch size; the backbone must be left as it was."""
    backbone, inputs = small(name), inputs_of(name)
    with torch.inference_mode():
        before = backbone(inputs)
    text, spec, _ = SMALL[name]
    card = BackboneCard("hf:x", "", text, "transformers", "mit", "", "", 1, "0" * 64, spec, backbone.stages)
    assert (convert(backbone, card, tmp_path) / "engine.xml").is_file()
    with torch.inference_mode():
        torch.testing.assert_close(backbone(inputs), before)


@pytest.mark.parametrize("name", ["wav2vec2", "wavlm-norm-last", "whisper"])
def test_in_training_no_block_is_skipped_and_nothing_is_masked(name: str) -> None:
    """The library drops whole blocks and masks hidden states at random; only dropout is left, and it is off here."""
    text = SMALL[name][0]
    drop = "encoder_layerdrop=0.9, dropout=0.0" if name == "whisper" else (
        "layerdrop=0.9, mask_time_prob=0.9, hidden_dropout=0.0, activation_dropout=0.0, attention_dropout=0.0"
    )  # fmt: skip
    model = build_sound(f"{text[:-1]}, {drop})", 0).train()
    inputs = inputs_of(name)
    torch.testing.assert_close(model(inputs), model(inputs))
    assert not any("masked_spec_embed" in tensor for tensor in model.state_dict())


def test_the_first_block_owns_the_position_bias_that_every_block_computes() -> None:
    """A training that begins above the first block reads the bias and leaves it as it is."""
    backbone = small("wavlm").train()
    name = "encoder.layers.0.attention.rel_attn_embed.weight"
    assert name in backbone.stage_state("encoder.layers.0")
    for parameter in backbone.stage_state("encoder.layers.0").values():
        parameter.requires_grad_(False)
    with torch.no_grad():
        hidden = backbone(inputs_of("wavlm"), stop="encoder.layers.1")
    backbone(hidden, start="encoder.layers.1").sum().backward()
    assert backbone.model.get_parameter(name).grad is None
    assert backbone.model.get_parameter("encoder.layers.1.attention.q_proj.weight").grad is not None


def test_a_model_with_more_than_an_encoder_is_refused() -> None:
    text = SMALL["wav2vec2"][0].replace("conv_dim", "add_adapter=True, conv_dim")
    with pytest.raises(UnavailableError, match="adapter"):
        split_for(build_sound(text, 0), SAMPLES)


def test_a_family_that_is_not_supported_is_named() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'hubert'"):
        sound_configuration("huberts", {})
