"""``hf:OWNER/NAME[@REVISION]`` or ``hf:FOLDER``: models of transformers, from the hub or a folder.

Which kind of model it is, ``config.json`` says; what differs between kinds is in a file of its own for each.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from headstart.backbones.sources.contract import Blueprint, Provenance, Request
from headstart.backbones.sources.hf_repository import CONFIG, WEIGHTS, Repository
from headstart.core.errors import UnavailableError, UnknownNameError
from headstart.core.files import sha256_file
from headstart.core.registry import Registry

if TYPE_CHECKING:
    from torch import nn

    from headstart.core.progress import Progress


class HfKind(Protocol):
    """A kind of models of transformers: those that see, those that read, ...; each is made without arguments."""

    #: What it reads of a repository beside the configuration and the weights.
    files: ClassVar[tuple[str, ...]]

    def model_types(self) -> Collection[str]:
        """The types of models that it knows, as configurations name them."""

    def blueprint(self, repository: Repository, config: dict[str, Any], name: str) -> Blueprint:
        """The architecture and its preprocessing.

        Args:
            repository: Where the model is.
            config: Its ``config.json``.
            name: The model's, for messages.
        """

    def load(
        self, repository: Repository, config: dict[str, Any], model: nn.Module, progress: Progress | None
    ) -> Provenance:
        """Puts the pretrained weights into a model built from the blueprint, all of them or none."""


#: Each imports what its models need when it is asked for.
KINDS: Registry[type[HfKind]] = Registry(
    "kind of models of transformers",
    {
        "vision": "headstart.backbones.sources.hf_vision:VisionModels",
        "text": "headstart.backbones.sources.hf_text:TextModels",
        "audio": "headstart.backbones.sources.hf_audio:SoundModels",
    },
)


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
        read = dict.fromkeys([CONFIG, *WEIGHTS, *(file for kind in KINDS for file in KINDS[kind].files)])
        there = [repository.folder / name for name in read]
        return " ".join([version, *(sha256_file(path) for path in there if path.is_file())])

    def blueprint(self, request: Request) -> Blueprint:
        """The architecture in ``config.json``, prepared for as the files beside it say.

        Raises:
            UnknownNameError: It is none of the supported families.
            UnavailableError: It asks for code from the repository, or for a preprocessing that cannot be done.
            WeightsError: One of the files is missing or broken.
        """
        repository = Repository.parse(request.name)
        config = repository.needed_json(CONFIG)
        return _kind(config)().blueprint(repository, config, request.text)

    def load(self, request: Request, model: nn.Module, progress: Progress | None = None) -> Provenance:
        """Reads the weights without running anything from them, and lets transformers map them to its own names.

        Raises:
            UnavailableError: They are out of reach.
            WeightsError: The file is unsafe or broken, or does not fit.
        """
        repository = Repository.parse(request.name)
        config = repository.needed_json(CONFIG)
        return _kind(config)().load(repository, config, model, progress)


def _kind(config: dict[str, Any]) -> type[HfKind]:
    """The kind that knows the type of model in a configuration."""
    model_type = str(config.get("model_type"))
    known: list[str] = []
    for name in KINDS:
        types = KINDS[name]().model_types()
        if model_type in types:
            return KINDS[name]
        known += types
    raise UnknownNameError("model of transformers", model_type, known)
