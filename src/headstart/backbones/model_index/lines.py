"""The file format of the index: JSON lines that say nothing twice.

The first line says which version of a library the file describes, which value is the usual one of every field, and the
papers that rows name by number. Every other line is an architecture at an input size: what its models have in common
and is not usual, then each model with what it has for itself.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from headstart.backbones.model_index.row import ModelRow, Weights

#: Changes whenever files written before cannot be read any more.
FORMAT = 1

_NO_WEIGHTS = asdict(Weights("none", ""))


def encode(version: str, groups: Sequence[Sequence[ModelRow]]) -> bytes:
    """The content of a file.

    Args:
        version: Of the library that it describes.
        groups: Models that share an architecture and an input size.
    """
    papers = sorted({row.paper for group in groups for row in group})
    plain = [[_plain(row, papers) for row in group] for group in groups]
    usual = _usual([values for group in plain for values in group])
    head = {"format": FORMAT, "version": version, "papers": papers, "usual": usual}
    lines = [head, *(_line(group, usual) for group in plain)]
    text = "\n".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in lines)
    return (text + "\n").encode()


@dataclass(frozen=True, slots=True)
class Encoded:
    """A file that was opened and whose rows were not read yet.

    Attributes:
        version: Of the library that it describes.
        papers: What rows name by number.
        usual: The value of every field that a row does not mention.
        lines: The lines after the first.
    """

    version: str
    papers: tuple[str, ...]
    usual: dict[str, Any]
    lines: list[str]

    @classmethod
    def open(cls, text: str) -> Encoded:
        """A file's text.

        Raises:
            ValueError: It is empty, no JSON, or of another format.
            KeyError: Its first line is not one of ours.
        """
        first, *lines = text.splitlines()
        head = json.loads(first)
        if head["format"] != FORMAT:
            raise ValueError(f"format {head['format']}")
        return cls(head["version"], tuple(head["papers"]), head["usual"], lines)

    def rows(self) -> Iterator[ModelRow]:
        """Every model."""
        for line in self.lines:
            shared = json.loads(line)
            for model in shared.pop("models"):
                values = {**self.usual, **shared, **model}
                values["paper"] = self.papers[values["paper"]]
                values["weights"] = _weights(values["weights"], values["name"])
                yield ModelRow(**values)


def _plain(row: ModelRow, papers: Sequence[str]) -> dict[str, Any]:
    values = {field.name: getattr(row, field.name) for field in fields(row)}
    weights = {name: value for name, value in asdict(row.weights).items() if value != _NO_WEIGHTS[name]}
    if row.weights.place == "hub" and row.weights.name == _same_on_hub(row.name):
        del weights["name"]
    return {**values, "paper": papers.index(row.paper), "weights": weights}


def _weights(values: dict[str, Any], name: str) -> Weights:
    default = {"name": _same_on_hub(name)} if values.get("place") == "hub" else {}
    return Weights(**{**_NO_WEIGHTS, **default, **values})


def _same_on_hub(name: str) -> str:
    """The repository that is called like the model: ``timm/resnet18.a1_in1k``."""
    return name.replace(":", "/")


def _usual(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The most frequent value of every field but the name."""
    counts = {name: Counter(json.dumps(row[name]) for row in rows) for name in rows[0] if name != "name"}
    return {name: json.loads(count.most_common(1)[0][0]) for name, count in counts.items()}


def _line(models: Sequence[dict[str, Any]], usual: dict[str, Any]) -> dict[str, Any]:
    shared = {name for name in usual if all(model[name] == models[0][name] for model in models)}
    common = {name: models[0][name] for name in usual if name in shared and models[0][name] != usual[name]}
    own = [
        {name: value for name, value in model.items() if name not in shared and value != usual.get(name)}
        for model in models
    ]
    return {**common, "models": own}
