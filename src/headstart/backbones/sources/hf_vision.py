"""Vision models of transformers, behind ``hf:``."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar

from headstart.backbones.sources.contract import Blueprint, Provenance
from headstart.backbones.sources.hf_repository import Repository
from headstart.core.errors import UnavailableError

if TYPE_CHECKING:
    from torch import nn

    from headstart.core.progress import Progress

#: Names of data sets on the hub to the names that people use.
_DATA = {"imagenet-1k": "ImageNet-1k", "imagenet-21k": "ImageNet-21k", "imagenet-22k": "ImageNet-22k"}

_PROCESSOR = "preprocessor_config.json"


class VisionModels:
    """Models that take pictures."""

    files: ClassVar[tuple[str, ...]] = (_PROCESSOR,)

    def model_types(self) -> Collection[str]:
        """The supported families."""
        from headstart.backbones.transformers_families import FAMILIES

        return FAMILIES

    def blueprint(self, repository: Repository, config: dict[str, Any], name: str) -> Blueprint:
        """The architecture, prepared for as ``preprocessor_config.json`` says.

        Raises:
            UnavailableError: It asks for a preprocessing that cannot be done.
            WeightsError: The file is missing or broken.
        """
        from headstart.backbones.sources.image_processors import preprocess_of
        from headstart.backbones.transformers_families import family_of
        from headstart.backbones.transformers_vision import architecture_text

        settings = _configuration(config)
        family = family_of(settings.model_type)
        preprocess = preprocess_of(repository.needed_json(_PROCESSOR), default=family.processor, name=name)
        if family.fixed_size and settings.image_size not in (preprocess.size, [preprocess.size] * 2):
            raise UnavailableError(
                f"Expected {name} to take the pictures that its image processor makes, {preprocess.size} pixels, but "
                f"its configuration says {settings.image_size}; choose another model."
            )
        if settings.num_channels != 3:
            raise UnavailableError(f"Expected {name} to take RGB, but it wants {settings.num_channels} channels.")
        return Blueprint("transformers", architecture_text(settings), preprocess, family.paper, repository.licence())

    def load(
        self, repository: Repository, config: dict[str, Any], model: nn.Module, progress: Progress | None
    ) -> Provenance:
        """Reads the weights, and the classifier on the pooled features where there is one."""
        from headstart.backbones.checkpoints import read_checkpoint
        from headstart.backbones.transformers_weights import load_vision_weights

        file = repository.weights(progress)
        tensors, notes = read_checkpoint(file.path)
        settings = _configuration(config)
        classifier, left = load_vision_weights(file.path, tensors, settings, model)
        return Provenance(
            source=repository.told(file, notes, left),
            pretraining=", ".join(_DATA.get(name, name) for name in repository.datasets()) or "unknown",
            pretraining_classes=_classes(settings) if classifier else (),
            file=file.facts(),
            classifier=classifier,
        )


def _configuration(config: dict[str, Any]) -> Any:
    from headstart.backbones.transformers_architecture import configuration

    return configuration(config["model_type"], {name: value for name, value in config.items() if name != "model_type"})


def _classes(config: Any) -> tuple[str, ...]:
    """The names of the classes, where somebody gave them names."""
    names = [str(name).lower() for _, name in sorted((config.id2label or {}).items())]
    return () if not names or names[0] == "label_0" else tuple(names)
