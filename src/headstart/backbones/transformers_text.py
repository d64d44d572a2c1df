"""Text models of transformers: building them without their heads, and cutting them into stages.

The stages are the embeddings, every block, where there is one the norm behind the last block, and last the pooling,
which has no weights: what enters it is the library's own ``last_hidden_state``, one vector per token.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from torch import nn

from headstart.backbones.text_pooling import TextPooling
from headstart.backbones.transformers_architecture import (
    changed_settings,
    configuration,
    read_architecture,
    write_architecture,
)
from headstart.backbones.transformers_text_families import family_of
from headstart.backbones.transformers_text_parts import cut
from headstart.core.errors import UsageError

#: Settings that follow from others, or that nothing here reads.
_IDLE = (
    "use_cache",
    "bos_token_id",
    "eos_token_id",
    "sep_token_id",
    "cls_token_id",
    "decoder_start_token_id",
    "classifier_dropout",
    "qa_dropout",
    "seq_classif_dropout",
    "summary_type",
    "summary_use_proj",
    "summary_activation",
    "summary_proj_to_labels",
    "summary_first_dropout",
    "summary_last_dropout",
    "pooler_dropout",
    "pooler_hidden_act",
    "pooler_hidden_size",
    "legacy",
    "tie_word_embeddings",
    "pretraining_tp",
    "num_decoder_layers",
    "dense_act_fn",
    "is_gated_act",
    "scale_decoder_outputs",
)


#: What generates text needs a cache and knows where texts begin and end.
_UNUSED = {"use_cache": False, "bos_token_id": None, "eos_token_id": None}


def build_text(architecture: str, size: int) -> nn.Module:
    """A text model of transformers that maps packed tokens ``(N, L)`` to its pooled features.

    Its ``forward`` is the library's own: one hook unpacks the tokens for it, another pools what it returns.

    Args:
        architecture: As :func:`text_architecture` writes it.
        size: The most tokens of a text.

    Raises:
        UsageError: The model has fewer positions.
        UnknownNameError: Models of this type are not supported.
    """
    model_type, settings = read_architecture(architecture)
    pooling = TextPooling.taken_from(settings)
    config = text_configuration(model_type, {**settings, **_UNUSED})
    if size > most_positions(config):
        raise UsageError(f"Expected at most {most_positions(config)} tokens for {architecture}, but got {size}.")
    model = bare(base_class(config)(config), model_type)
    return cut(model, family_of(model_type), pooling)


def text_configuration(model_type: str, settings: Mapping[str, Any]) -> Any:
    """The library's configuration object; see :func:`headstart.backbones.transformers_architecture.configuration`.

    Raises:
        UnknownNameError: Models of this type are not supported.
    """
    family_of(model_type)
    return configuration(model_type, settings)


def text_architecture(config: Any, pooling: TextPooling) -> str:
    """A configuration and a way of pooling in one line.

    Example:
        >>> config = text_configuration("bert", {"hidden_size": 384})
        >>> text_architecture(config, TextPooling("mean", unit_length=True))
        "bert(hidden_size=384, pooling='mean', unit_length=True)"
    """
    besides = family_of(config.model_type).settings
    changed = changed_settings(config, idle=_IDLE, besides=besides)
    return write_architecture(config.model_type, {**changed, **pooling.settings()})


def most_positions(config: Any) -> int:
    """How many tokens a text may have: its learned positions, or what its relative ones were made for."""
    known: int = getattr(config, "max_position_embeddings", None) or 512
    return known - family_of(config.model_type).offset


def base_class(config: Any) -> Any:
    """The class of transformers that has no head; of T5 the one that has no decoder."""
    import transformers

    encoder = family_of(config.model_type).encoder_of
    return getattr(transformers, encoder) if encoder else transformers.MODEL_MAPPING[type(config)]


def bare(model: Any, model_type: str) -> Any:
    """A model of :func:`base_class` without a pooler; of an encoder with a wrapper around it the encoder alone."""
    found = model.encoder if family_of(model_type).encoder_of else model
    if getattr(found, "pooler", None) is not None:
        found.pooler = None
    return found


def load_text_weights(path: Path, tensors: Mapping[str, NDArray[Any]], config: Any, model: nn.Module) -> list[str]:
    """Puts a file's tensors into a model of :func:`build_text`, whatever head they were saved with.

    Args:
        path: The file, for messages.
        tensors: What it holds, under whatever names the library once gave them.
        config: The configuration beside the file.
        model: The model.

    Returns:
        Names of the file's tensors that the backbone does not have: heads, poolers, decoders.

    Raises:
        WeightsError: Tensors of the backbone are missing, too many or of another shape.
    """
    from headstart.backbones.transformers_weights import fill

    inner = "encoder" if family_of(config.model_type).encoder_of else ""
    left = fill(path, tensors, config, model, base_class(config), inner=inner).left
    decoder = sum(name.startswith("decoder.") for name in tensors)  # the library says nothing of it
    return [*left, f"the decoder's {decoder} tensors"] if decoder else left
