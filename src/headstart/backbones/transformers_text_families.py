"""The families of text models in transformers: how tokens are embedded, what their blocks need, how they pool.

=====================================  =============================================================================
BERT (and MiniLM), DistilBERT,         learned positions; every token sees all real ones
RoBERTa, XLM-RoBERTa, CamemBERT,
ELECTRA
DeBERTa, DeBERTa v2 and v3             relative positions in every block's scores, out of one table
MPNet, T5's encoder                    a bias by relative position, the same in every block
GPT-2                                  learned positions; a token sees those before it
Llama, Mistral, Qwen2                  rotary positions; a token sees those before it, in some only the nearest
=====================================  =============================================================================

The table of relative positions (DeBERTa, MPNet, T5) is read by every block and **owned by the embeddings**, the lowest
stage that could be meant: it trains where the embeddings train and is frozen, as they are, by every boundary above
them. A block above a boundary then computes with the frozen table.

Where a model's card does not say how it pools, encoders pool by the mean over all real tokens, which is the usual
choice without training for it (Reimers and Gurevych 2019, arXiv:1908.10084), and decoders take the last real token,
the only one that has seen the whole text. The dense layer and tanh that BERT and its like put on their first token
(their pooler) are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from headstart.backbones.text_tokens import Tokens
from headstart.core.errors import UnknownNameError

#: Source model and tokens to the first hidden state.
Embed = Callable[[Any, Tokens], Tensor]

#: Source model, position of a block, hidden state and tokens to the block's output.
Run = Callable[[Any, int, Tensor, Tokens], Any]


@dataclass(frozen=True, slots=True)
class TextFamily:
    """What headstart has to know about text models of one ``model_type``.

    Attributes:
        embed: Embeds tokens.
        run: Calls a block.
        blocks: Name of the list of blocks.
        embeddings: Names of what the first stage owns, with what all blocks read.
        paper: Reference of the architecture.
        norm: Name of the norm behind the last block, where there is one.
        causal: Whether a token sees only what stands before it.
        typed: Whether ``forward`` is told which text of a pair a token belongs to.
        offset: How many of the learned positions no token has.
        besides: Names of what the first block owns beside itself.
        encoder_of: Name of the class of transformers whose ``encoder`` is the model; empty where there is no such
            wrapper.
        settings: Settings that the library reads although its configuration does not know them by default.
    """

    embed: Embed
    run: Run
    blocks: str
    embeddings: tuple[str, ...]
    paper: str
    norm: str | None = None
    causal: bool = False
    typed: bool = False
    offset: int = 0
    besides: tuple[str, ...] = ()
    encoder_of: str = ""
    settings: tuple[str, ...] = ()


def family_of(model_type: str) -> TextFamily:
    """What is known about text models of this type.

    Raises:
        UnknownNameError: They are not supported.
    """
    if model_type not in FAMILIES:
        raise UnknownNameError("text model of transformers", model_type, FAMILIES)
    return FAMILIES[model_type]


def second_text(config: Any, tokens: Tokens) -> Tensor:
    """Types of tokens as a model knows them: one that knows a single type gives it to both texts of a pair."""
    return tokens.second.clamp(max=max(config.type_vocab_size - 1, 0))


def _embed_bert(model: Any, tokens: Tokens) -> Tensor:
    embedded: Tensor = model.embeddings(input_ids=tokens.ids, token_type_ids=second_text(model.config, tokens))
    return embedded


def _embed_electra(model: Any, tokens: Tokens) -> Tensor:
    embedded = _embed_bert(model, tokens)
    return model.embeddings_project(embedded) if hasattr(model, "embeddings_project") else embedded


def _embed_untyped(model: Any, tokens: Tokens) -> Tensor:
    embedded: Tensor = model.embeddings(tokens.ids)
    return embedded


def _embed_deberta(model: Any, tokens: Tokens) -> Tensor:
    types = second_text(model.config, tokens)
    embedded: Tensor = model.embeddings(input_ids=tokens.ids, token_type_ids=types, mask=tokens.real)
    return embedded


def _embed_gpt2(model: Any, tokens: Tokens) -> Tensor:
    embedded: Tensor = model.drop(model.wte(tokens.ids) + model.wpe(tokens.positions))
    return embedded


def _embed_llama(model: Any, tokens: Tokens) -> Tensor:
    embedded: Tensor = model.embed_tokens(tokens.ids)
    return embedded


def _embed_t5(model: Any, tokens: Tokens) -> Tensor:
    embedded: Tensor = model.dropout(model.embed_tokens(tokens.ids))
    return embedded


def _run_bert(model: Any, place: int, hidden: Tensor, tokens: Tokens) -> Any:
    return model.encoder.layer[place](hidden, tokens.padding_mask(hidden))


def _run_distilbert(model: Any, place: int, hidden: Tensor, tokens: Tokens) -> Any:
    return model.transformer.layer[place](hidden, tokens.padding_mask(hidden))


def _run_mpnet(model: Any, place: int, hidden: Tensor, tokens: Tokens) -> Any:
    bias = model.encoder.compute_position_bias(hidden)
    return model.encoder.layer[place](hidden, tokens.padding_mask(hidden), position_bias=bias)


def _run_deberta(model: Any, place: int, hidden: Tensor, tokens: Tokens) -> Any:
    """The library lets padding see nothing, which is NaN in an engine's half precision; here it sees what is real."""
    encoder = model.encoder
    found = encoder.layer[place](
        hidden,
        tokens.real[:, None, None, :],
        relative_pos=encoder.get_rel_pos(hidden),
        rel_embeddings=encoder.get_rel_embedding(),
    )
    if place == 0 and getattr(encoder, "conv", None) is not None:
        return encoder.conv(hidden, found[0], tokens.real.long())
    return found


def _run_deberta_v1(model: Any, place: int, hidden: Tensor, tokens: Tokens) -> Any:
    """In mixed precision the library fills scores of 16 bits with the lowest number of 32, which fails."""
    with torch.autocast(hidden.device.type, enabled=False):
        return _run_deberta(model, place, hidden.to(model.dtype), tokens)


def _run_gpt2(model: Any, place: int, hidden: Tensor, tokens: Tokens) -> Any:
    return model.h[place](hidden, attention_mask=tokens.causal_mask(hidden))


def _run_llama(model: Any, place: int, hidden: Tensor, tokens: Tokens) -> Any:
    return model.layers[place](
        hidden,
        attention_mask=tokens.causal_mask(hidden, _window(model.config, place)),
        position_ids=tokens.positions,
        position_embeddings=model.rotary_emb(hidden, tokens.positions),
    )


def _run_t5(model: Any, place: int, hidden: Tensor, tokens: Tokens) -> Any:
    length = hidden.shape[1]
    bias = model.block[0].layer[0].SelfAttention.compute_bias(length, length, device=hidden.device)
    return model.block[place](hidden, tokens.padding_mask(hidden), bias)


def _window(config: Any, place: int) -> int | None:
    """How many tokens a block of a decoder sees; ``None`` for all before it."""
    types = getattr(config, "layer_types", None)
    window = getattr(config, "sliding_window", None)
    return window if types is None or types[place] == "sliding_attention" else None


_BERT = TextFamily(
    _embed_bert,
    _run_bert,
    blocks="encoder.layer",
    embeddings=("embeddings",),
    paper="Devlin et al. 2019, BERT (arXiv:1810.04805)",
    typed=True,
)
_ROBERTA = replace(_BERT, offset=2, paper="Liu et al. 2019, RoBERTa (arXiv:1907.11692)")
_DEBERTA = replace(
    _BERT,
    embed=_embed_deberta,
    run=_run_deberta,
    embeddings=("embeddings", "encoder.rel_embeddings", "encoder.LayerNorm"),
    besides=("encoder.conv",),
    paper="He et al. 2021, DeBERTa (arXiv:2006.03654)",
)
_LLAMA = TextFamily(
    _embed_llama,
    _run_llama,
    blocks="layers",
    embeddings=("embed_tokens", "rotary_emb"),
    paper="Touvron et al. 2023, LLaMA (arXiv:2302.13971)",
    norm="norm",
    causal=True,
)

#: ``model_type`` of a configuration to its family.
FAMILIES: dict[str, TextFamily] = {
    "bert": _BERT,
    "distilbert": replace(
        _BERT,
        embed=_embed_untyped,
        run=_run_distilbert,
        blocks="transformer.layer",
        typed=False,
        paper="Sanh et al. 2019, DistilBERT (arXiv:1910.01108)",
    ),
    "roberta": _ROBERTA,
    "xlm-roberta": replace(_ROBERTA, paper="Conneau et al. 2020, XLM-R (arXiv:1911.02116)"),
    "camembert": replace(_ROBERTA, paper="Martin et al. 2020, CamemBERT (arXiv:1911.03894)"),
    "electra": replace(
        _BERT,
        embed=_embed_electra,
        embeddings=("embeddings", "embeddings_project"),
        paper="Clark et al. 2020, ELECTRA (arXiv:2003.10555)",
    ),
    "deberta": replace(_DEBERTA, run=_run_deberta_v1),
    "deberta-v2": replace(
        _DEBERTA,
        paper="He et al. 2023, DeBERTaV3 (arXiv:2111.09543)",
        settings=("position_buckets", "norm_rel_ebd", "share_att_key", "conv_kernel_size", "conv_groups", "conv_act"),
    ),
    "mpnet": replace(
        _BERT,
        embed=_embed_untyped,
        run=_run_mpnet,
        embeddings=("embeddings", "encoder.relative_attention_bias"),
        typed=False,
        offset=2,
        paper="Song et al. 2020, MPNet (arXiv:2004.09297)",
    ),
    "gpt2": TextFamily(
        _embed_gpt2,
        _run_gpt2,
        blocks="h",
        embeddings=("wte", "wpe", "drop"),
        paper="Radford et al. 2019, Language Models are Unsupervised Multitask Learners (GPT-2)",
        norm="ln_f",
        causal=True,
    ),
    "llama": _LLAMA,
    "mistral": replace(_LLAMA, paper="Jiang et al. 2023, Mistral 7B (arXiv:2310.06825)"),
    "qwen2": replace(_LLAMA, paper="Yang et al. 2024, Qwen2 (arXiv:2407.10671)"),
    "t5": TextFamily(
        _embed_t5,
        _run_t5,
        blocks="block",
        embeddings=("embed_tokens", "block.0.layer.0.SelfAttention.relative_attention_bias", "dropout"),
        paper="Raffel et al. 2020, T5 (arXiv:1910.10683)",
        norm="final_layer_norm",
        encoder_of="T5EncoderModel",
    ),
}
