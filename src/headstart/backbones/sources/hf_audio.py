"""Sound models of transformers, behind ``hf:``."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar

from headstart.backbones.sources.contract import Blueprint, Provenance
from headstart.backbones.sources.hf_repository import Repository
from headstart.core.errors import UnavailableError

if TYPE_CHECKING:
    from torch import nn

    from headstart.backbones.checkpoints import Tensors
    from headstart.core.progress import Progress

_EXTRACTOR = "preprocessor_config.json"

#: Where the library now writes the same, beside what its tokenizer needs.
_PROCESSOR = "processor_config.json"


class SoundModels:
    """Models that take sounds."""

    files: ClassVar[tuple[str, ...]] = (_EXTRACTOR, _PROCESSOR)

    def model_types(self) -> Collection[str]:
        """The supported families."""
        from headstart.backbones.transformers_audio_families import SOUND_FAMILIES

        return SOUND_FAMILIES

    def blueprint(self, repository: Repository, config: dict[str, Any], name: str) -> Blueprint:
        """The architecture, prepared for as ``preprocessor_config.json`` says.

        Raises:
            UnavailableError: It asks for a preprocessing that cannot be done, or that the architecture does not take.
            WeightsError: The file is missing or broken.
        """
        from headstart.backbones.sources.audio_extractors import sound_preprocess_of
        from headstart.backbones.transformers_audio import sound_architecture_text
        from headstart.backbones.transformers_audio_families import sound_family_of

        settings = _configuration(config)
        family = sound_family_of(settings)
        preprocess = sound_preprocess_of(_extractor(repository), extractor=family.extractor, name=name)
        if family.spectrum and family.spectrum(settings) != preprocess.axes:
            raise UnavailableError(
                f"Expected {name} to take the spectra that its feature extractor makes, {preprocess.axes} frames and "
                f"bands, but its configuration says {family.spectrum(settings)}; choose another model."
            )
        architecture = sound_architecture_text(settings)
        return Blueprint("transformers_audio", architecture, preprocess, family.paper, repository.licence())

    def load(
        self, repository: Repository, config: dict[str, Any], model: nn.Module, progress: Progress | None
    ) -> Provenance:
        """Reads the weights of the encoder; decoders, quantizers and classifiers are left out.

        Raises:
            UnavailableError: They are out of reach.
            WeightsError: The file is unsafe or broken, or does not fit.
        """
        from headstart.backbones.checkpoints import read_checkpoint
        from headstart.backbones.transformers_audio_families import sound_family_of
        from headstart.backbones.transformers_weights import fill

        file = repository.weights(progress)
        tensors, notes = read_checkpoint(file.path)
        settings = _configuration(config)
        kept, others = _part(tensors, sound_family_of(settings).part)
        filled = fill(file.path, kept, settings, model, type(model))
        left = {name.partition(".")[0] for name in (*others, *filled.left)}
        return Provenance(
            source=repository.told(file, notes, sorted(left)),
            pretraining=", ".join(repository.datasets()) or "unknown",
            file=file.facts(),
        )


def _part(tensors: Tensors, part: str) -> tuple[Tensors, list[str]]:
    """The tensors of a part of the library's base model under the part's own names, and the names of the others."""
    if not part:
        return tensors, []
    plain = {name.removeprefix("model."): values for name, values in tensors.items()}
    kept = {name.removeprefix(f"{part}."): plain[name] for name in plain if name.startswith(f"{part}.")}
    return kept, [name for name in plain if not name.startswith(f"{part}.")]


def _configuration(config: dict[str, Any]) -> Any:
    from headstart.backbones.transformers_audio import sound_configuration

    return sound_configuration(config["model_type"], {name: config[name] for name in config if name != "model_type"})


def _extractor(repository: Repository) -> dict[str, Any]:
    """What prepares sounds, alone in its file or beside a tokenizer."""
    if (alone := repository.json(_EXTRACTOR)) is not None:
        return alone
    beside = (repository.json(_PROCESSOR) or {}).get("feature_extractor")
    return beside if isinstance(beside, dict) else repository.needed_json(_EXTRACTOR)
