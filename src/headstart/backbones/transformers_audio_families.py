"""The families of sound models in transformers: where their embeddings end, how blocks are called, how they pool.

The last norm, where the model has one, comes before the pooling:

===========================  =====================================================================================
wav2vec 2.0, HuBERT, WavLM   the mean over frames; their ``*ForSequenceClassification`` projects each frame before the
                             mean, which is the same as to project the mean
AST                          the mean of the class token and the distillation token after the last norm
Whisper                      the mean over frames of the encoder's output; there is no decoder
===========================  =====================================================================================

Inputs are all of one length, so that there is no mask: the zeros behind a shorter clip are heard as silence, by models
that were trained with a mask, too. WavLM's relative position bias depends on the length alone; its first block owns it,
and every block computes it anew, so that the model can be cut behind any of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import dropout, gelu

from headstart.core.errors import UnknownNameError


def _base_model(config: Any) -> nn.Module:
    from transformers import AutoModel

    model: nn.Module = AutoModel.from_config(config)
    return model


def _whisper_encoder(config: Any) -> nn.Module:
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    encoder: nn.Module = WhisperEncoder(config)
    return encoder


@dataclass(frozen=True, slots=True)
class SoundFamily:
    """What headstart has to know about models of one ``model_type``.

    Attributes:
        embedding: Names of the submodules that ``embed`` uses; the first gives the stage its name.
        embed: Source model and inputs as prepared to what enters the first block.
        blocks: Name of the list of blocks.
        run: Source model, one of its blocks and a hidden state to that block's output.
        final: Names of the submodules that ``pool`` uses.
        pool: Source model and the last block's output to pooled features.
        pooled: What the source model's own ``forward`` returns to pooled features.
        extractor: The feature extractor of a repository that does not name one.
        paper: Reference of the architecture.
        bands_first: Whether the source model's own ``forward`` takes spectra as ``(N, mels, frames)``.
        spectrum: Configuration to the frames and bands of the spectra that it takes; ``None`` where it takes samples.
        build: Configuration to source model, its weights drawn at random.
        part: The source model's name in the library's base model; empty where it is the base model.
    """

    embedding: tuple[str, ...]
    embed: Callable[[Any, Tensor], Tensor]
    blocks: str
    run: Callable[[Any, Any, Tensor], Any]
    final: tuple[str, ...]
    pool: Callable[[Any, Tensor], Tensor]
    pooled: Callable[[Any], Tensor]
    extractor: str
    paper: str
    bands_first: bool = False
    spectrum: Callable[[Any], tuple[int, int]] | None = None
    build: Callable[[Any], nn.Module] = _base_model
    part: str = ""


def check_sound_family(model_type: str) -> None:
    """Whether models of this type are supported.

    Raises:
        UnknownNameError: They are not.
    """
    if model_type not in SOUND_FAMILIES:
        raise UnknownNameError("sound model of transformers", model_type, SOUND_FAMILIES)


def sound_family_of(config: Any) -> SoundFamily:
    """What is known about models of this configuration, one of a supported type."""
    family = SOUND_FAMILIES[config.model_type]
    return _with_norm_last(family) if getattr(config, "do_stable_layer_norm", False) else family


def _run_plainly(model: Any, block: Any, hidden: Tensor) -> Any:
    return block(hidden, None)


def _run_with_position_bias(model: Any, block: Any, hidden: Tensor) -> Any:
    examples, length, _ = hidden.shape
    bias = model.encoder.layers[0].attention.compute_bias(length, length)
    return block(hidden, position_bias=bias.repeat(examples, 1, 1))


def _add_positions(model: Any, samples: Tensor) -> Tensor:
    projected = model.feature_projection(model.feature_extractor(samples).transpose(1, 2))
    frames = projected[0] if isinstance(projected, tuple) else projected
    hidden: Tensor = frames + model.encoder.pos_conv_embed(frames)
    return hidden


def _embed_samples(model: Any, samples: Tensor) -> Tensor:
    hidden: Tensor = model.encoder.dropout(model.encoder.layer_norm(_add_positions(model, samples)))
    return hidden


def _embed_samples_without_norm(model: Any, samples: Tensor) -> Tensor:
    hidden: Tensor = model.encoder.dropout(_add_positions(model, samples))
    return hidden


def _embed_patches(model: Any, spectra: Tensor) -> Tensor:
    hidden: Tensor = model.embeddings(spectra)
    return hidden


def _embed_frames(model: Any, spectra: Tensor) -> Tensor:
    frames = gelu(model.conv2(gelu(model.conv1(spectra.transpose(1, 2))))).transpose(1, 2)
    return dropout(frames + model.embed_positions.weight, p=model.dropout, training=model.training)


def _mean_over_frames(model: Any, hidden: Tensor) -> Tensor:
    return hidden.mean(dim=1)


def _mean_over_frames_of_norm(model: Any, hidden: Tensor) -> Tensor:
    return _mean_over_frames(model, model.encoder.layer_norm(hidden))


def _mean_over_frames_of_whisper(model: Any, hidden: Tensor) -> Tensor:
    return _mean_over_frames(model, model.layer_norm(hidden))


def _mean_of_two_tokens(model: Any, hidden: Tensor) -> Tensor:
    pooled: Tensor = model.layernorm(hidden[:, :2]).mean(dim=1)
    return pooled


def _mean_of_last_state(output: Any) -> Tensor:
    pooled: Tensor = output.last_hidden_state.mean(dim=1)
    return pooled


def _pooler_output(output: Any) -> Tensor:
    pooled: Tensor = output.pooler_output
    return pooled


def _with_norm_last(family: SoundFamily) -> SoundFamily:
    """``do_stable_layer_norm``: the encoder's norm stands behind the blocks instead of before them."""
    return replace(
        family,
        embedding=family.embedding[:-1],
        embed=_embed_samples_without_norm,
        final=family.embedding[-1:],
        pool=_mean_over_frames_of_norm,
    )


_SPEECH = SoundFamily(
    embedding=("feature_extractor", "feature_projection", "encoder.pos_conv_embed", "encoder.layer_norm"),
    embed=_embed_samples,
    blocks="encoder.layers",
    run=_run_plainly,
    final=(),
    pool=_mean_over_frames,
    pooled=_mean_of_last_state,
    extractor="Wav2Vec2FeatureExtractor",
    paper="Baevski et al. 2020, wav2vec 2.0 (arXiv:2006.11477)",
)

#: ``model_type`` of a configuration to its family.
SOUND_FAMILIES: dict[str, SoundFamily] = {
    "wav2vec2": _SPEECH,
    "hubert": replace(_SPEECH, paper="Hsu et al. 2021, HuBERT (arXiv:2106.07447)"),
    "wavlm": replace(_SPEECH, run=_run_with_position_bias, paper="Chen et al. 2021, WavLM (arXiv:2110.13900)"),
    "audio-spectrogram-transformer": SoundFamily(
        embedding=("embeddings",),
        embed=_embed_patches,
        blocks="layers",
        run=_run_plainly,
        final=("layernorm",),
        pool=_mean_of_two_tokens,
        pooled=_pooler_output,
        extractor="ASTFeatureExtractor",
        paper="Gong et al. 2021, AST: Audio Spectrogram Transformer (arXiv:2104.01778)",
        spectrum=lambda config: (config.max_length, config.num_mel_bins),
    ),
    "whisper": SoundFamily(
        embedding=("conv1", "conv2", "embed_positions"),
        embed=_embed_frames,
        blocks="layers",
        run=_run_plainly,
        final=("layer_norm",),
        pool=_mean_over_frames_of_whisper,
        pooled=_mean_of_last_state,
        extractor="WhisperFeatureExtractor",
        paper="Radford et al. 2022, Whisper (arXiv:2212.04356)",
        bands_first=True,
        spectrum=lambda config: (2 * config.max_source_positions, config.num_mel_bins),
        build=_whisper_encoder,
        part="encoder",
    ),
}
