"""A repository of the Hugging Face hub, or a folder of the same make: its files, and what its model card says."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.backbones.licences import OWN_WORDS, OWNERS, is_permissive
from headstart.backbones.weights.fetched import FetchedFile
from headstart.backbones.weights.hub import fetch_from_hub, hub_snapshot_file
from headstart.core.errors import UnavailableError, UsageError, WeightsError
from headstart.core.progress import Progress

CONFIG = "config.json"

#: Files of weights, the preferred one first.
WEIGHTS = ("model.safetensors", "pytorch_model.bin")

_MODEL_CARD = "README.md"
_MOST_BYTES = 4 * 1024**2


@dataclass(frozen=True, slots=True)
class Repository:
    """Where a model's files are.

    Attributes:
        name: ``OWNER/NAME`` on the hub, or a path.
        revision: A commit, tag or branch of the hub; ``None`` for the main branch.
        folder: The folder, where it is one on this machine.
    """

    name: str
    revision: str | None
    folder: Path | None

    @classmethod
    def parse(cls, text: str) -> Repository:
        """``OWNER/NAME[@REVISION]``, or a path: one that begins with ``.``, ``~`` or ``/``, or a folder that is there.

        Raises:
            UsageError: The path is not a folder.

        Example:
            >>> Repository.parse("google/vit-base-patch16-224@main")
            Repository(name='google/vit-base-patch16-224', revision='main', folder=None)
        """
        folder = Path(text).expanduser()
        if folder.is_dir():
            return cls(text, None, folder)
        if text[0] in "./~":
            raise UsageError(f"Expected a folder with a model of transformers, but there is none at {folder}.")
        name, _, revision = text.partition("@")
        return cls(name, revision or None, None)

    def file(self, name: str) -> Path | None:
        """A small file; ``None`` where the repository has none of this name."""
        if self.folder is None:
            return hub_snapshot_file(self.name, name, revision=self.revision)
        path = self.folder / name
        return path if path.is_file() else None

    def weights(self, progress: Progress | None = None) -> FetchedFile:
        """The file of weights, its hash checked; ``progress`` hears of a download.

        Raises:
            UnavailableError: There is none, or it is out of reach.
        """
        if self.folder is None:
            return fetch_from_hub(self.name, WEIGHTS, revision=self.revision, progress=progress)
        for name in WEIGHTS:
            if (path := self.folder / name).is_file():
                return FetchedFile.hashed(path, str(path))
        raise UnavailableError(
            f"Expected {' or '.join(WEIGHTS)} in {self.folder}, but there is neither; weights in several files are "
            "not read, save them as one."
        )

    def json(self, name: str) -> dict[str, Any] | None:
        """What a JSON file holds; ``None`` where there is no such file.

        Raises:
            WeightsError: It is not a JSON object.
            UnavailableError: It asks for code from the repository to be run.
        """
        values = self._parsed(name)
        if values is None:
            return None
        if not isinstance(values, dict):
            raise WeightsError(
                f"Expected {name} in hf:{self.name} to be a JSON object, but got {type(values).__name__}."
            )
        if "auto_map" in values:
            raise UnavailableError(
                f"Expected hf:{self.name} to be a model of transformers itself, but its {name} asks for code from the "
                "repository to be run (auto_map, trust_remote_code). headstart has no flag for that: it never runs "
                "code from a repository. Choose another model."
            )
        return values

    def json_list(self, name: str) -> list[dict[str, Any]] | None:
        """What a JSON file with a list of objects holds; ``None`` where there is no such file.

        Raises:
            WeightsError: It is something else.
        """
        values = self._parsed(name)
        if values is not None and not (isinstance(values, list) and all(isinstance(each, dict) for each in values)):
            raise WeightsError(f"Expected {name} in hf:{self.name} to be a list of JSON objects.")
        return values

    def _parsed(self, name: str) -> Any:
        path = self.file(name)
        if path is None:
            return None
        try:
            return json.loads(_start(path))
        except (ValueError, RecursionError) as error:
            raise WeightsError(f"Expected {path} to be JSON, but it is not: {error}.") from error

    def needed_json(self, name: str) -> dict[str, Any]:
        """What :meth:`json` gives, of a file that must be there.

        Raises:
            WeightsError: It is not there, or not a JSON object.
            UnavailableError: It asks for code from the repository to be run.
        """
        values = self.json(name)
        if values is None:
            raise WeightsError(
                f"Expected {name} in hf:{self.name}, but it is not there; save the model and what prepares its inputs "
                "with save_pretrained into the same folder."
            )
        return values

    def told(self, file: FetchedFile, notes: Sequence[str], left: Sequence[str]) -> str:
        """Where weights came from and what became of them, in words.

        Args:
            file: The file of weights.
            notes: What was done to read them.
            left: Names of the tensors that were left out.
        """
        where = f"the folder {self.name}" if self.folder else f"the hub's {file.origin}"
        said = "; ".join([*notes, *([f"left out: {', '.join(left)}"] if left else [])])
        return f"{where}{f' ({said})' if said else ''}"

    def licence(self) -> str:
        """Of the weights, as the model card's metadata says; a folder without a model card is its owner's own.

        Of several, the first that is not permissive: nobody says which of them is for what.
        """
        found = self._metadata("license")
        if found == ["other"]:
            found = self._metadata("license_name") or found
        found = [f"{name!r} (as its model card says)" if name in OWN_WORDS else name for name in found]
        nobody_says = "unknown" if self.folder is None or self.file(_MODEL_CARD) else OWNERS
        return next((name for name in found if not is_permissive(name)), found[0]) if found else nobody_says

    def datasets(self) -> list[str]:
        """What the weights were trained on, as the model card's metadata says."""
        return self._metadata("datasets")

    def _model_card(self) -> str:
        """Empty where there is none, or where the weights are in the hub's cache and it is not."""
        try:
            path = self.file(_MODEL_CARD)
        except UnavailableError:
            return ""
        return _start(path) if path else ""

    def _metadata(self, key: str) -> list[str]:
        """The values of a key in the YAML between the first two ``---`` of the model card: one, or a list."""
        block = re.match(r"---\s*\n(.*?)\n---", self._model_card(), re.DOTALL)
        lines = block[1].splitlines() if block else []
        found = next((place for place, line in enumerate(lines) if line.startswith(f"{key}:")), None)
        if found is None:
            return []
        inline = lines[found].partition(":")[2].strip()
        if inline:
            return [_unquoted(value) for value in inline.strip("[]").split(",") if value.strip()]
        listed = []
        for line in lines[found + 1 :]:
            if not line.lstrip().startswith("- "):
                break
            listed.append(_unquoted(line.lstrip()[2:]))
        return listed


def _start(path: Path) -> str:
    with path.open("rb") as stream:
        return stream.read(_MOST_BYTES).decode("utf-8", errors="replace")


def _unquoted(value: str) -> str:
    return value.partition(" #")[0].strip().strip("'\"")
