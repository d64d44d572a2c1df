"""What a source of backbones offers, and the registry of sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from headstart.backbones.card import WeightsFile
from headstart.backbones.preprocess import Preprocess
from headstart.backbones.source_classifier import SourceClassifier
from headstart.core.errors import UsageError
from headstart.core.registry import Registry

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from headstart.core.progress import Progress


@dataclass(frozen=True, slots=True)
class Request:
    """Which backbone somebody asks for.

    Attributes:
        prefix: The source: what stands before the first colon.
        name: What stands after it: an architecture with or without a tag, or a path.
        random_weights: Draw the weights at random instead of loading them.
        architecture: The architecture of a file of weights.
        seed: Draws random weights.
    """

    prefix: str
    name: str
    random_weights: bool = False
    architecture: str | None = None
    seed: int = 0

    @classmethod
    def parse(
        cls, name: str, *, random_weights: bool = False, architecture: str | None = None, seed: int = 0
    ) -> Request:
        """Splits ``source:name``; the seed of weights that are not random is of no account.

        Raises:
            UsageError: There is no colon, or an architecture comes with a source that has its own.

        Example:
            >>> Request.parse("timm:resnet18").prefix
            'timm'
        """
        prefix, colon, rest = name.partition(":")
        if not (colon and prefix and rest):
            raise UsageError(
                f"Expected a backbone as source:name, such as timm:resnet18 or bundled:efficientnet_lite0, but got "
                f"{name!r}; `headstart models {name}` looks for it."
            )
        if (architecture is None) == (prefix == "file"):
            raise UsageError(
                "Expected an architecture with file: and no other source (--architecture resnet18 is timm's, "
                "--architecture torchvision:resnet18 another library's), "
                f"but got {'none' if architecture is None else repr(architecture)} with {name!r}."
            )
        return cls(prefix, rest, random_weights, architecture, seed if random_weights else 0)

    @property
    def text(self) -> str:
        """``source:name``, as the user wrote it."""
        return f"{self.prefix}:{self.name}"

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What is known about a backbone before it has weights.

    Attributes:
        library: Builds the architecture; see :mod:`headstart.backbones.architectures`.
        architecture: The library's name of it.
        preprocess: How an input is prepared.
        paper: Reference of the architecture; empty where unknown.
        licence: Of the weights, not of the code: an SPDX identifier or the owner's words, ``"unknown"`` where
            nobody says.
    """

    library: str
    architecture: str
    preprocess: Preprocess
    paper: str
    licence: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a model's weights came from; the fields are those of the card.

    Attributes:
        source: In words a person can follow, with everything that was mapped or left out.
        pretraining: Data they were trained on.
        pretraining_classes: Class names of that task, lower case.
        pretraining_items: Content digests of the items they were trained on.
        file: The file they were read from, where it is one file.
        classifier: What the source model puts on its pooled features, where it is linear and the weights bring it.
        language_head: The output layer of a language model that the weights bring, where it is more than the tied
            embeddings; see :mod:`headstart.backbones.language_head`.
    """

    source: str
    pretraining: str
    pretraining_classes: tuple[str, ...] = ()
    pretraining_items: tuple[str, ...] = ()
    file: WeightsFile | None = None
    classifier: SourceClassifier | None = None
    language_head: Mapping[str, NDArray[Any]] | None = None

    @classmethod
    def random(cls, seed: int) -> Provenance:
        """Weights that nobody trained."""
        return cls(f"drawn at random with seed {seed}", "none (random weights)")


class BackboneSource(Protocol):
    """Where backbones of one prefix come from. Nothing heavy is imported before :meth:`blueprint`."""

    def stamp(self, request: Request) -> str:
        """What a converted form rests on; where it changes, the form is stale. Imports no torch."""

    def blueprint(self, request: Request) -> Blueprint:
        """The architecture and its preprocessing."""

    def load(self, request: Request, model: nn.Module, progress: Progress | None = None) -> Provenance:
        """Puts the pretrained weights into a model built from the blueprint, all of them or none.

        ``progress`` hears of whatever has to be fetched first.
        """


#: Prefix to source class; each is made without arguments.
SOURCES: Registry[type[BackboneSource]] = Registry(
    "backbone source",
    {
        "bundled": "headstart.backbones.sources.bundled:BundledSource",
        "timm": "headstart.backbones.sources.timm_models:TimmSource",
        "torchvision": "headstart.backbones.sources.torchvision_models:TorchvisionSource",
        "hf": "headstart.backbones.sources.hf:HfSource",
        "keras": "headstart.backbones.sources.keras_applications:KerasSource",
        "file": "headstart.backbones.sources.file:FileSource",
        "run": "headstart.backbones.sources.run:RunSource",
        "headstart": "headstart.backbones.sources.own:OwnSource",
    },
    group="headstart.backbone_sources",
)
