"""Sound models of transformers from a folder: the library's own files, read back, give the library's own features."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from headstart.backbones.conversion import open_source
from headstart.backbones.law import shaken
from headstart.backbones.sources.contract import Request
from headstart.backbones.sources.hf import KINDS
from headstart.backbones.transformers_audio_families import SOUND_FAMILIES
from headstart.core.errors import UnavailableError, UnknownNameError, WeightsError

_SPEECH: dict[str, Any] = {
    "conv_dim": [16] * 5, "conv_kernel": [10, 8, 8, 4, 4], "conv_stride": [5, 8, 8, 4, 4], "hidden_size": 32,
    "intermediate_size": 64, "num_attention_heads": 2, "num_hidden_layers": 2, "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4, "num_feat_extract_layers": 5, "num_codevectors_per_group": 8,
    "codevector_dim": 16, "proj_codevector_dim": 16, "num_labels": 3, "classifier_proj_size": 8,
}  # fmt: skip
_PATCHES = {
    "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2, "num_hidden_layers": 2, "max_length": 64,
    "num_mel_bins": 32,
}  # fmt: skip
_WHISPER = {
    "d_model": 32, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 64, "num_mel_bins": 16,
    "max_source_positions": 50, "decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 64,
    "vocab_size": 64, "pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 0, "decoder_start_token_id": 0,
    "num_labels": 3,
}  # fmt: skip

#: Class of the library that saves it, its configuration, the feature extractor beside it, and what is left out.
SAVED = {
    "Wav2Vec2Model": ("wav2vec2", _SPEECH, {}, "masked_spec_embed"),
    "Wav2Vec2ForPreTraining": ("wav2vec2", _SPEECH, {}, "masked_spec_embed, project_hid, project_q, quantizer"),
    "HubertForSequenceClassification": ("hubert", _SPEECH, {}, "classifier, masked_spec_embed, projector"),
    "WavLMForCTC": ("wavlm", {**_SPEECH, "do_stable_layer_norm": True}, {}, "lm_head, masked_spec_embed"),
    "ASTModel": ("audio-spectrogram-transformer", _PATCHES, {"max_length": 64, "num_mel_bins": 32}, ""),
    "ASTForAudioClassification": (
        "audio-spectrogram-transformer", _PATCHES, {"max_length": 64, "num_mel_bins": 32}, "classifier",
    ),
    "WhisperModel": ("whisper", _WHISPER, {"feature_size": 16, "chunk_length": 1}, "decoder"),
    "WhisperForConditionalGeneration": ("whisper", _WHISPER, {"feature_size": 16, "chunk_length": 1}, "decoder"),
    "WhisperForAudioClassification": (
        "whisper", _WHISPER, {"feature_size": 16, "chunk_length": 1}, "classifier, projector",
    ),
}  # fmt: skip


def save(name: str, folder: Path, **extractor: Any) -> transformers.PreTrainedModel:
    """A model with random weights and its feature extractor, saved as the library saves them."""
    model_type, settings, prepared, _ = SAVED[name]
    torch.manual_seed(3)
    model = getattr(transformers, name)(transformers.AutoConfig.for_model(model_type, **settings)).eval()
    model.save_pretrained(folder)
    getattr(transformers, SOUND_FAMILIES[model_type].extractor)(**{**prepared, **extractor}).save_pretrained(folder)
    return model


def test_every_family_is_saved_here() -> None:
    assert {row[0] for row in SAVED.values()} == set(KINDS["audio"]().model_types())


@pytest.mark.parametrize("name", SAVED)
def test_whatever_it_was_saved_with_it_is_the_librarys_encoder(name: str, tmp_path: Path) -> None:
    theirs = save(name, tmp_path)
    backbone, card = open_source(Request.parse(f"hf:{tmp_path}"))
    assert card.library == "transformers_audio"
    assert card.source == f"the folder {tmp_path}" + (f" (left out: {SAVED[name][3]})" if SAVED[name][3] else "")
    inputs = torch.from_numpy(card.preprocess.random_inputs(2, seed=4))
    hidden = card.preprocess.entrance()(inputs)[0]
    with torch.inference_mode():
        torch.testing.assert_close(backbone(hidden), pooled(theirs, hidden))


def pooled(model: transformers.PreTrainedModel, hidden: torch.Tensor) -> torch.Tensor:
    """By the library's own encoder, inside whatever it was saved with."""
    kind = model.config.model_type
    if kind == "whisper":
        inner = model if hasattr(model, "encoder") else model.model
        return inner.encoder(hidden.transpose(1, 2)).last_hidden_state.mean(1)
    output = model.base_model(hidden)
    return output.pooler_output if kind.startswith("audio") else output.last_hidden_state.mean(1)


def test_old_names_of_the_weight_norm_are_read(tmp_path: Path) -> None:
    save("Wav2Vec2Model", tmp_path)
    backbone, card = open_source(Request.parse(f"hf:{tmp_path}"))
    path, convolution = tmp_path / "model.safetensors", "encoder.pos_conv_embed.conv"
    tensors = load_file(path)
    for old, new in (("weight_g", "original0"), ("weight_v", "original1")):
        tensors[f"{convolution}.{old}"] = tensors.pop(f"{convolution}.parametrizations.weight.{new}")
    save_file(tensors, path, {"format": "pt"})
    again, _ = open_source(Request.parse(f"hf:{tmp_path}"))
    hidden = torch.from_numpy(card.preprocess.random_inputs(2))
    with torch.inference_mode():
        torch.testing.assert_close(again(hidden), backbone(hidden), rtol=0, atol=0)


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    save("WhisperModel", tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    del tensors["encoder.layers.1.fc1.weight"]
    save_file(tensors, path, {"format": "pt"})
    with pytest.raises(WeightsError, match=r"missing: layers\.1\.fc1\.weight"):
        open_source(Request.parse(f"hf:{tmp_path}"))


def test_the_extractor_beside_a_tokenizer_is_found(tmp_path: Path) -> None:
    save("Wav2Vec2Model", tmp_path, sampling_rate=8000)
    settings = json.loads((tmp_path / "preprocessor_config.json").read_text())
    (tmp_path / "preprocessor_config.json").unlink()
    (tmp_path / "processor_config.json").write_text(json.dumps({"feature_extractor": settings}))
    assert open_source(Request.parse(f"hf:{tmp_path}"))[1].preprocess.rate == 8000
    (tmp_path / "processor_config.json").write_text("{}")
    with pytest.raises(WeightsError, match=r"preprocessor_config\.json"):
        open_source(Request.parse(f"hf:{tmp_path}"))


def test_spectra_that_the_architecture_does_not_take_are_refused(tmp_path: Path) -> None:
    save("ASTModel", tmp_path, max_length=100)
    with pytest.raises(UnavailableError, match=r"\(100, 32\) frames and bands, but its configuration says \(64, 32\)"):
        open_source(Request.parse(f"hf:{tmp_path}"))


def test_a_family_that_nobody_knows_is_told_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "wav2vec"}')
    with pytest.raises(UnknownNameError, match="wav2vec2"):
        open_source(Request.parse(f"hf:{tmp_path}"))


def test_the_random_twin_is_the_same_architecture(tmp_path: Path) -> None:
    save("WavLMForCTC", tmp_path)
    _, card = open_source(Request.parse(f"hf:{tmp_path}"))
    twin, other = open_source(Request.parse(f"hf:{tmp_path}", random_weights=True, seed=1))
    assert (other.architecture, other.stages) == (card.architecture, card.stages)
    assert other.sha256 != card.sha256
    assert shaken(twin).stages == card.stages
