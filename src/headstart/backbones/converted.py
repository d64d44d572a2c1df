"""A backbone on disk in a form that needs no torch: an engine model, safetensors, a card, hashes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.backbones.card import BackboneCard
from headstart.core.errors import WeightsError
from headstart.core.files import sha256_file

if TYPE_CHECKING:
    from headstart.backbones.source_classifier import SourceClassifier
    from headstart.backbones.stages import StagedBackbone

ENGINE_MODEL, WEIGHTS, CARD, HASHES = "engine.xml", "weights.safetensors", "card.json", "hashes.json"
#: There only where the source's classifier is known.
CLASSIFIER = "classifier.safetensors"
#: There only where the weights brought the output layer of a language model.
LANGUAGE_HEAD = "language_head.safetensors"

#: Changes whenever a form converted before must not be used any more.
FORMAT = 3

#: Every file whose hash is kept; ``engine.bin`` holds the numbers of ``engine.xml``.
HASHED = (ENGINE_MODEL, "engine.bin", WEIGHTS, CARD)


@dataclass(frozen=True, slots=True)
class ConvertedBackbone:
    """A converted backbone whose files were found intact.

    The engine model is OpenVINO IR in float32. Its one input is ``inputs``: a batch as the card's preprocessing
    prepares it, for pictures uint8 ``(N, S, S, 3)``, RGB, resized and cropped; the entrance (for pictures their
    normalisation) is inside. It has one output per stage, named like the stage, unpooled and in the stage's layout;
    the last one is the pooled output ``(N, D)``.

    Attributes:
        card: What the backbone is.
        folder: Where its files are.
    """

    card: BackboneCard
    folder: Path

    @classmethod
    def open(cls, folder: Path) -> ConvertedBackbone:
        """Opens a folder after checking every file's hash.

        Raises:
            WeightsError: A file is missing or not what was written; the message names it.
        """
        check_hashes(folder)
        return cls(BackboneCard.from_json(json.loads((folder / CARD).read_bytes())), folder)

    @property
    def engine_model(self) -> Path:
        """The engine model; its numbers lie beside it in ``engine.bin``."""
        return self.folder / ENGINE_MODEL

    @property
    def weights(self) -> Path:
        """The source model's state without the classifier, under its own names."""
        return self.folder / WEIGHTS

    def source_classifier(self) -> SourceClassifier | None:
        """What the source model puts on the pooled features; ``None`` where it is not known."""
        from headstart.backbones.source_classifier import SourceClassifier
        from headstart.core.tensors import read_tensors

        path = self.folder / CLASSIFIER
        return SourceClassifier.from_tensors(read_tensors(path)) if path.is_file() else None

    def load(self) -> StagedBackbone:
        """The backbone as a torch module in evaluation mode; imports torch and the source library.

        Raises:
            WeightsError: The installed library builds another network than the one that was converted.
        """
        from headstart.backbones.architectures import build
        from headstart.backbones.checkpoints import install
        from headstart.backbones.splitting import parts_of
        from headstart.backbones.stages import StagedBackbone
        from headstart.core.tensors import read_tensors

        model = build(self.card.library, self.card.architecture, self.card.preprocess.size)
        install(self.weights, read_tensors(self.weights), model)
        return StagedBackbone(model, parts_of(model), self.card.stages).eval()


def folder_name(card: BackboneCard) -> str:
    """The name of a converted backbone's folder: a hash over its card.

    The card holds the hash of the weights; equal weights under another preprocessing or name are another
    folder.
    """
    identity = {"format": FORMAT, "card": card.to_json()}
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def check_hashes(folder: Path) -> None:
    """Holds a converted backbone's files to the hashes that were written with them.

    Raises:
        WeightsError: Lists the files that are missing or differ.
    """
    try:
        hashes = json.loads((folder / HASHES).read_bytes())
        bad = [name for name in {*HASHED, *hashes} if not _intact(folder / name, hashes[name])]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        bad = [HASHES]
    if bad:
        raise WeightsError(
            f"Expected the converted backbone in {folder} to be as it was written, but {', '.join(bad)} "
            f"{'is' if len(bad) == 1 else 'are'} missing or damaged; "
            "run `headstart cache clear models` to convert again."
        )


def _intact(path: Path, sha256: str) -> bool:
    return path.is_file() and sha256_file(path) == sha256
