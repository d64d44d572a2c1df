"""``hf:OWNER/NAME[@REVISION]`` or ``hf:FOLDER``: vision models of transformers, from the hub or a folder."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from typing import TYPE_CHECKING, Any

from headstart.backbones.sources.contract import Blueprint, Provenance, Request
from headstart.backbones.sources.hf_repository import WEIGHTS, Repository
from headstart.core.errors import UnavailableError, WeightsError
from headstart.core.files import sha256_file

if TYPE_CHECKING:
    from torch import nn

    from headstart.core.progress import Progress

#: Names of data sets on the hub to the names that people use.
_DATA = {"imagenet-1k": "ImageNet-1k", "imagenet-21k": "ImageNet-21k", "imagenet-22k": "ImageNet-22k"}

_CONFIG, _PROCESSOR = "config.json", "preprocessor_config.json"


class HfSource:
    """Models whose architecture is part of transformers; code from a repository is never run."""

    def stamp(self, request: Request) -> str:
        """The version of transformers; of a folder also the hashes of its files.

        Raises:
            UnavailableError: transformers is not installed.
        """
        if importlib.util.find_spec("transformers") is None:
            raise UnavailableError.missing_extra(request.text, module="transformers", extra="hf")
        version = f"transformers {importlib.metadata.version('transformers')}"
        repository = Repository.parse(request.name)
        if repository.folder is None:
            return version
        there = [repository.folder / name for name in (_CONFIG, _PROCESSOR, *WEIGHTS)]
        return " ".join([version, *(sha256_file(path) for path in there if path.is_file())])

    def blueprint(self, request: Request) -> Blueprint:
        """The architecture in ``config.json``, prepared for as ``preprocessor_config.json`` says.

        Raises:
            UnknownNameError: It is none of the supported families.
            UnavailableError: It asks for code from the repository, or for a preprocessing that cannot be done.
            WeightsError: One of the two files is missing or broken.
        """
        from headstart.backbones.sources.image_processors import preprocess_of
        from headstart.backbones.transformers_families import family_of
        from headstart.backbones.transformers_vision import architecture_text

        repository = Repository.parse(request.name)
        config = _configuration(repository)
        family = family_of(config.model_type)
        preprocess = preprocess_of(_json(repository, _PROCESSOR), default=family.processor, name=request.text)
        if family.fixed_size and config.image_size not in (preprocess.size, [preprocess.size] * 2):
            raise UnavailableError(
                f"Expected {request.text} to take the pictures that its image processor makes, {preprocess.size} "
                f"pixels, but its configuration says {config.image_size}; choose another model."
            )
        if config.num_channels != 3:
            raise UnavailableError(f"Expected {request.text} to take RGB, but it wants {config.num_channels} channels.")
        return Blueprint("transformers", architecture_text(config), preprocess, family.paper, repository.licence())

    def load(self, request: Request, model: nn.Module, progress: Progress | None = None) -> Provenance:
        """Reads the weights without running anything from them, and lets transformers map them to its own names.

        Raises:
            UnavailableError: They are out of reach.
            WeightsError: The file is unsafe or broken, or does not fit.
        """
        from headstart.backbones.checkpoints import read_checkpoint
        from headstart.backbones.transformers_weights import load_weights

        repository = Repository.parse(request.name)
        config = _configuration(repository)
        file = repository.weights(progress)
        tensors, notes = read_checkpoint(file.path)
        classifier, left = load_weights(file.path, tensors, config, model)
        said = "; ".join([*notes, *([f"left out: {', '.join(left)}"] if left else [])])
        where = f"the folder {repository.name}" if repository.folder else f"the hub's {file.origin}"
        return Provenance(
            source=f"{where}{f' ({said})' if said else ''}",
            pretraining=", ".join(_DATA.get(name, name) for name in repository.datasets()) or "unknown",
            pretraining_classes=_classes(config) if classifier else (),
            file=file.facts(),
            classifier=classifier,
        )


def _configuration(repository: Repository) -> Any:
    from headstart.backbones.transformers_vision import configuration

    values = _json(repository, _CONFIG)
    settings = {name: value for name, value in values.items() if name != "model_type"}
    return configuration(str(values.get("model_type")), settings)


def _json(repository: Repository, name: str) -> dict[str, Any]:
    values = repository.json(name)
    if values is None:
        raise WeightsError(
            f"Expected {name} in hf:{repository.name}, but it is not there; save the model and its image processor "
            "with save_pretrained into the same folder."
        )
    return values


def _classes(config: Any) -> tuple[str, ...]:
    """The names of the classes, where somebody gave them names."""
    names = [str(name).lower() for _, name in sorted((config.id2label or {}).items())]
    return () if not names or names[0] == "label_0" else tuple(names)
