"""Text models of transformers, behind ``hf:``, and how the files of sentence-transformers say that they are pooled."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar

from headstart.backbones.preprocess import LENGTH_STEP
from headstart.backbones.sources.contract import Blueprint, Provenance
from headstart.backbones.sources.hf_repository import Repository
from headstart.backbones.sources.text_tokenizers import TOKENIZER_FILES, tokenizer_of
from headstart.backbones.text_pooling import PoolingMode, TextPooling
from headstart.backbones.text_preprocess import TextPreprocess
from headstart.core.assets import keep_asset
from headstart.core.errors import UnavailableError, WeightsError

if TYPE_CHECKING:
    from torch import nn

    from headstart.core.progress import Progress

#: Texts are cut to this many tokens where the model could take more: attention's cost grows with the square.
MOST_TOKENS = 512

_MODULES, _SENTENCES = "modules.json", "sentence_bert_config.json"
_POOLING = "1_Pooling/config.json"

#: Old and new names of sentence-transformers' ways of pooling.
_MODES: dict[str, PoolingMode] = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_lasttoken": "last",
    "cls": "cls",
    "max": "max",
    "mean": "mean",
    "lasttoken": "last",
}


class TextModels:
    """Models that read."""

    files: ClassVar[tuple[str, ...]] = (*TOKENIZER_FILES, _MODULES, _POOLING, _SENTENCES)

    def model_types(self) -> Collection[str]:
        """The supported families."""
        from headstart.backbones.transformers_text_families import FAMILIES

        return FAMILIES

    def blueprint(self, repository: Repository, config: dict[str, Any], name: str) -> Blueprint:
        """The architecture with its pooling; the tokenizer is kept among the assets.

        Raises:
            UnavailableError: It asks for a pooling that cannot be done, or has no tokenizer that can be read.
            WeightsError: A file is broken.
        """
        from headstart.backbones.transformers_text import most_positions, text_architecture
        from headstart.backbones.transformers_text_families import family_of

        settings = _configuration(config)
        family = family_of(settings.model_type)
        pooling, said = sentences_of(repository, TextPooling("last" if family.causal else "mean"))
        tokenizer = tokenizer_of(repository, settings.vocab_size)
        preprocess = TextPreprocess(
            tokenizer=keep_asset(tokenizer.content),
            most_tokens=min(said, MOST_TOKENS, most_positions(settings) // LENGTH_STEP * LENGTH_STEP),
            vocabulary=settings.vocab_size,
            blank=_blank(config),
        )
        architecture = text_architecture(settings, pooling)
        return Blueprint("transformers_text", architecture, preprocess, family.paper, repository.licence())

    def load(
        self, repository: Repository, config: dict[str, Any], model: nn.Module, progress: Progress | None
    ) -> Provenance:
        """Reads the weights; heads and poolers are left out, and named."""
        from headstart.backbones.checkpoints import read_checkpoint
        from headstart.backbones.language_head import language_head_arrays
        from headstart.backbones.transformers_text import load_text_weights

        file = repository.weights(progress)
        tensors, notes = read_checkpoint(file.path)
        settings = _configuration(config)
        left = load_text_weights(file.path, tensors, settings, model)
        notes += tokenizer_of(repository, settings.vocab_size).notes
        return Provenance(
            source=repository.told(file, notes, left),
            pretraining=", ".join(repository.datasets()) or "unknown",
            file=file.facts(),
            language_head=language_head_arrays(tensors, model.get_input_embeddings().weight.detach().numpy()),  # type: ignore[operator]
        )


def sentences_of(repository: Repository, default: TextPooling) -> tuple[TextPooling, int]:
    """How sentence-transformers pools this model and how many tokens it takes, where it is one of its own.

    Args:
        repository: Where the model is.
        default: The pooling of models that are not.

    Raises:
        UnavailableError: It pools in a way that is not offered here, or does more than to pool.
    """
    modules = repository.json_list(_MODULES)
    if modules is None:
        return default, MOST_TOKENS
    kinds = [str(module.get("type", "")).rpartition(".")[2] for module in modules]
    if kinds[:2] != ["Transformer", "Pooling"] or kinds[2:] not in ([], ["Normalize"]):
        raise UnavailableError(
            f"Expected hf:{repository.name} to be a Transformer, a Pooling and perhaps a Normalize, but its {_MODULES} "
            f"lists {', '.join(kinds) or 'nothing'}; choose another model."
        )
    sentences = repository.json(_SENTENCES) or {}
    if sentences.get("do_lower_case"):
        raise UnavailableError(
            f"Expected the tokenizer of hf:{repository.name} to do all that is done to a text, but its {_SENTENCES} "
            "asks for lower case before it; choose another model."
        )
    return TextPooling(_mode(repository), len(kinds) == 3), int(sentences.get("max_seq_length") or MOST_TOKENS)


def _mode(repository: Repository) -> PoolingMode:
    settings = repository.needed_json(_POOLING)
    named = settings.get("pooling_mode")
    listed = [named] if isinstance(named, str) else list(named or ())
    asked = listed or [name for name, value in settings.items() if name.startswith("pooling_mode_") and value is True]
    if len(asked) != 1 or asked[0] not in _MODES:
        raise UnavailableError(
            f"Expected hf:{repository.name} to pool by one of mean, max, cls, lasttoken, but its {_POOLING} asks for "
            f"{' and '.join(map(str, asked)) or 'none'}; choose another model."
        )
    return _MODES[asked[0]]


def _blank(config: dict[str, Any]) -> int:
    """What stands for a text without any token: the end of a text, or its beginning."""
    for name in ("eos_token_id", "bos_token_id", "pad_token_id"):
        if isinstance(config.get(name), int) and config[name] >= 0:
            return int(config[name])
    return 0


def _configuration(config: dict[str, Any]) -> Any:
    from headstart.backbones.transformers_text import text_configuration

    settings = {name: value for name, value in config.items() if name != "model_type"}
    found = text_configuration(str(config["model_type"]), settings)
    if getattr(found, "is_decoder", False) or getattr(found, "add_cross_attention", False):
        raise UnavailableError(
            "Expected an encoder, but config.json says is_decoder or add_cross_attention; choose another."
        )
    if not isinstance(found.vocab_size, int) or not 0 < found.vocab_size < 1 << 24:
        raise WeightsError(f"Expected vocab_size of 1 to {1 << 24:,} in config.json, but got {found.vocab_size!r}.")
    return found
