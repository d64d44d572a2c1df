"""Sound models of transformers: building them without a head, and cutting them into stages.

What the library does to a model in training alone is switched off, so that a model computes the same in its own
``forward`` and stage by stage: SpecAugment on hidden states (inputs are changed before they get here) and LayerDrop,
which skips whole blocks at random. Dropout stays as it is configured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from headstart.backbones.stages import Part
from headstart.backbones.transformers_architecture import (
    changed_settings,
    configuration,
    read_architecture,
    write_architecture,
)
from headstart.backbones.transformers_audio_families import SoundFamily, check_sound_family, sound_family_of

#: What the library does in training alone.
_SWITCHED_OFF = {
    "apply_spec_augment": False,
    "mask_time_prob": 0.0,
    "mask_feature_prob": 0.0,
    "layerdrop": 0.0,
    "encoder_layerdrop": 0.0,
}

#: How settings begin of which the encoder has nothing: of decoders, pretraining, recognition and classification, and
#: those that follow from others.
_IDLE = (
    *_SWITCHED_OFF, "mask_", "decoder_", "max_target_", "vocab_size", "bos_", "eos_", "pad_", "suppress_",
    "begin_suppress_", "median_", "use_cache", "tie_word_", "scale_embedding", "ctc_", "num_ctc_", "final_dropout",
    "feat_quantizer_", "num_codevector", "codevector_", "proj_codevector_", "contrastive_", "num_negatives",
    "diversity_", "use_weighted_", "output_hidden_size", "classifier_", "tdnn_", "xvector_", "num_feat_extract_layers",
)  # fmt: skip


def build_sound(architecture: str, size: int) -> nn.Module:
    """A sound model of transformers: ``(N, samples)`` or ``(N, frames, mels)`` to pooled features ``(N, D)``.

    Its ``forward`` is the library's own; hooks turn spectra as the model wants them and pool what it returns.

    Args:
        architecture: As :func:`sound_architecture_text` writes it; the length of spectra is part of it.
        size: The number of samples or frames; no weight's shape follows from it.
    """
    config = sound_configuration(*read_architecture(architecture))
    return headless(sound_family_of(config).build(config), sound_family_of(config))


def headless(model: nn.Module, family: SoundFamily) -> nn.Module:
    """Makes ``forward`` take inputs as prepared and return pooled features, and brings the model's parts along."""
    model.loss_function = None  # type: ignore[assignment]  # else torch.jit, which looks at everything, makes it warn
    if family.bands_first:
        model.register_forward_pre_hook(_bands_first)
    model.register_forward_hook(PooledFrames(family.pooled))
    model.own_parts = tuple(_parts(model, family))  # type: ignore[assignment]
    return model


def sound_configuration(model_type: str, settings: Mapping[str, Any]) -> Any:
    """The library's configuration object; settings that are not named have the library's defaults.

    Raises:
        UnknownNameError: Models of this type are not supported.
    """
    check_sound_family(model_type)
    config = configuration(model_type, settings)
    for name in _SWITCHED_OFF.keys() & config.to_dict().keys():
        setattr(config, name, _SWITCHED_OFF[name])
    return config


def sound_architecture_text(config: Any) -> str:
    """A configuration in one line: its type, and every setting of the encoder that differs from the library's default.

    Example:
        >>> sound_architecture_text(sound_configuration("whisper", {"d_model": 512, "encoder_layers": 6}))
        'whisper(d_model=512, encoder_layers=6)'
    """
    idle = [name for name in config.to_dict() if name.startswith(_IDLE)]
    return write_architecture(config.model_type, changed_settings(config, idle=idle))


@dataclass(frozen=True, slots=True)
class Ends:
    """The step of the first and of the last part.

    Attributes:
        compute: How the family embeds, or how it pools.
    """

    compute: Callable[[Any, Tensor], Tensor]

    def __call__(self, model: nn.Module, hidden: Tensor, context: Tensor | None) -> Tensor:
        """Inputs to the first hidden state ``(N, L, D)``; the last hidden state to pooled features ``(N, D)``."""
        return self.compute(model, hidden)


@dataclass(frozen=True, slots=True)
class Block:
    """The step of a block.

    Attributes:
        path: Its name.
        run: The family's.
    """

    path: str
    run: Callable[[Any, Any, Tensor], Any]

    def __call__(self, model: nn.Module, hidden: Tensor, context: Tensor | None) -> Tensor:
        """Its output, ``(N, L, D)``; a position bias beside it is left to the next block to compute."""
        output = self.run(model, model.get_submodule(self.path), hidden)
        found: Tensor = output[0] if isinstance(output, tuple) else output
        return found


@dataclass(frozen=True, slots=True)
class PooledFrames:
    """A forward hook: the pooled features in place of everything that the source model returns.

    Attributes:
        pooled: The family's.
    """

    pooled: Callable[[Any], Tensor]

    def __call__(self, model: nn.Module, inputs: object, output: Any) -> Tensor:
        """What :meth:`torch.nn.Module.__call__` returns instead of ``output``."""
        return self.pooled(output)


def _parts(model: nn.Module, family: SoundFamily) -> Iterator[Part]:
    yield Part(family.embedding[0], family.embedding, Ends(family.embed))
    for name, _ in model.get_submodule(family.blocks).named_children():
        path = f"{family.blocks}.{name}"
        yield Part(path, (path,), Block(path, family.run))
    yield Part(family.final[0] if family.final else "pool", family.final, Ends(family.pool))


def _bands_first(model: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
    """A forward pre-hook: spectra as ``(N, mels, frames)``."""
    return (inputs[0].transpose(1, 2),)
