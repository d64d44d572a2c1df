"""``headstart models [PATTERN]`` and ``headstart models show NAME``."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from headstart.cli import options
from headstart.cli.console import progress_for_stderr
from headstart.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headstart.backbones.model_index.row import ModelRow
    from headstart.workflows.models import Model

_SHOWN = 100


def command(
    pattern: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATTERN | show NAME",
            help="A part of the name, or a pattern such as 'resnet*'; show NAME prints one model's card.",
            show_default=False,
        ),
    ] = None,
    source: Annotated[str | None, typer.Option(help="bundled, timm, torchvision, keras, ...")] = None,
    licence: Annotated[
        str | None, typer.Option("--licence", "--license", help="permissive, or the name of a licence.")
    ] = None,
    max_params: Annotated[str | None, typer.Option(help="The most parameters: 500k, 10M, 1.5B.")] = None,
    input_size: Annotated[
        int | None, typer.Option(help="Size of the input: pixels of a side, tokens, frames, samples.")
    ] = None,
    pretraining: Annotated[str | None, typer.Option(help="A part of the pretraining data's name: ImageNet-1k.")] = None,
    here: Annotated[bool, typer.Option("--here", help="Only models whose weights are on this machine.")] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="First make the index anew for the versions installed here (minutes).")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """List pretrained models, those on this machine first; offline and at once, from an index made beforehand."""
    from headstart.workflows.models import Wanted, find_models, refresh_models, show_model

    words = pattern or []
    if refresh:
        with progress_for_stderr() as progress:
            refresh_models(progress=progress)
    if words[:1] == ["show"]:
        model = show_model(_one(words[1:], "a model's name after show"))
        _print(_card(model))
        result = model.card_to_json()
    else:
        wanted = Wanted(
            pattern=_one(words, "one pattern") if words else "*",
            source=source,
            licence=licence,
            max_parameters=None if max_params is None else count_of(max_params),
            input_size=input_size,
            pretraining=pretraining,
            here=here,
        )
        models = find_models(wanted)
        _print([*_table(models.found), *models.notes])
        result = models.to_json()
    if as_json:
        print(json.dumps(result))


def count_of(text: str) -> float:
    """A number with an ending for thousands, millions or billions.

    Raises:
        UsageError: It is none.

    Example:
        >>> count_of("1.5M")
        1500000.0
    """
    factor = {"k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9}.get(text[-1:].lower())
    try:
        return float(text[:-1]) * factor if factor else float(text)
    except ValueError:
        raise UsageError(f"Expected a number of parameters such as 500k, 10M or 1.5B, but got {text!r}.") from None


def _one(words: Sequence[str], what: str) -> str:
    if len(words) != 1:
        raise UsageError(f"Expected {what}, but got {' '.join(words) or 'nothing'!r}.")
    return words[0]


def _print(lines: Sequence[str]) -> None:
    print("\n".join(lines), file=sys.stderr)


def _table(models: Sequence[Model]) -> list[str]:
    """A line per model, then what its marks mean."""
    head = ("", "model", "params", "FLOPs", "input", "licence of the weights", "pretraining")
    rows = [head, *map(_row, models[:_SHOWN])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    aligned = (">" if title in ("params", "FLOPs", "input") else "<" for title in head)
    shape = "  ".join(f"{{:{side}{width}}}" for side, width in zip(aligned, widths, strict=True))
    lines = [shape.format(*row).rstrip() for row in rows] if models else []
    if len(models) > _SHOWN:
        lines.append(f"and {len(models) - _SHOWN:,} more: give a pattern or a filter, or --json for all of them")
    return [*lines, *_legend(models)]


def _row(model: Model) -> tuple[str, ...]:
    row = model.row
    mark = ("●" if model.place else " ") + ("×" if row.uncut else " ") + (" " if model.permissive else "!")
    size = f"{row.input_size}" if row.input_size else ""
    return mark, row.name, _counted(row.parameters), _counted(row.flops), size, row.licence, _shortened(row.pretraining)


def _legend(models: Sequence[Model]) -> list[str]:
    here = sum(model.place is not None for model in models)
    asked = sum(not model.permissive for model in models)
    uncut = sum(bool(model.row.uncut) for model in models)
    if not models:
        return ["No model fits: leave a filter out, or try a part of the name; `headstart models` lists them all."]
    lines = [f"{len(models):,} models, {here:,} with weights on this machine (●)"]
    if asked:
        lines.append(f"! not a permissive licence: takes --allow-license LICENCE ({asked:,})")
    if uncut:
        lines.append(f"× headstart cannot use it; `headstart models show NAME` says why ({uncut:,})")
    return lines


def _card(model: Model) -> list[str]:
    """What is known of one model, a line each, and its stages."""
    facts = [(name, text) for name, text in _facts(model) if text]
    width = max(len(name) for name, _ in facts)
    lines = [f"{name:<{width}}  {text}" for name, text in facts]
    stages = model.row.stages
    longest = max((len(stage.name) for stage in stages), default=0)
    return [
        *lines,
        *(["Stages"] if stages else []),
        *(f"  {s.name:<{longest}}  {s.dim:>5}  {s.layout}" for s in stages),
    ]


def _facts(model: Model) -> list[tuple[str, str]]:
    row, weights = model.row, model.weights
    consent = "" if model.permissive else f" (not permissive: takes --allow-license {shlex.quote(row.licence)})"
    return [
        ("Name", " = ".join(row.names)),
        ("Source", " ".join(part for part in (_PLACES[weights.place], weights.name, weights.file) if part)),
        ("Licence of weights", row.licence + consent),
        ("Pretraining data", row.pretraining),
        *(("", f"{data.name}: {data.terms} ({data.source})") for data in model.terms),
        ("Paper", row.paper),
        ("Parameters", f"{row.parameters:,} without the classifier" if row.parameters else ""),
        ("FLOPs", f"{row.flops:,} for one input" if row.flops else ""),
        ("Input", _input(row)),
        ("ImageNet top-1", f"{row.imagenet_top1:g} % (as its library says)" if row.imagenet_top1 else ""),
        ("File size", f"{weights.bytes:,} bytes" if weights.bytes else "not known before it is fetched"),
        ("SHA-256", _hash(weights.sha256)),
        ("On this machine", f"yes: {model.place}" if model.place else "no"),
        ("Cannot be used", row.uncut),
    ]


#: What an input's size counts, by the kind of its preprocessing.
_SIZES = {"image": "{0} × {0} pixels", "text": "up to {0} tokens", "mel": "{0} frames", "waveform": "{0} samples"}


def _input(row: ModelRow) -> str:
    return _SIZES.get(row.takes, "{0}").format(row.input_size) if row.input_size else ""


def _shortened(text: str) -> str:
    """As much of it as a list has room for; all of it is on the model's own page."""
    return text if len(text) <= _TEXT_WIDTH else f"{text[: _TEXT_WIDTH - 1].rstrip(' ,(')}…"


def _hash(sha256: str) -> str:
    if not sha256:
        return "not known before it is fetched; recorded on the first use"
    return sha256 if len(sha256) == _HASH_DIGITS else f"begins with {sha256}, checked when it is fetched"


_HASH_DIGITS = 64
_TEXT_WIDTH = 48
_PLACES = {"package": "Python package", "hub": "Hugging Face hub", "url": "", "none": ""}


def _counted(number: int | None) -> str:
    """A large number in three figures: ``25.6M``."""
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number and number >= size:
            return f"{number / size:.3g}{unit}"
    return str(number or "")
