"""Writes ``cli.md`` from the command line itself, so that the page cannot promise what the program does not have.

``python docs/make_cli_page.py`` writes the page; a test compares it with what would be written.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("cli.md")
_START = """# The command line

Written by `docs/make_cli_page.py` from the program's own help.

What tells of progress goes to standard error; with `--json` one JSON object, and nothing else, goes to standard output.
A problem ends in one message and exit code 2; `predict` ends with 1 where some inputs could not be answered.
`HEADSTART_CACHE` says where converted models and features are kept, `HEADSTART_CACHE_LIMIT` (such as `500M` or `20G`)
how much room features may take.

In Python the verbs are functions of `headstart`: `fit`, `check`, `extract`. `fit` returns a `Run` and `load` opens one;
a `Run` has `predict` and `evaluate`.
"""


def render() -> str:
    """The whole page."""
    from typer.main import get_command

    from headstart.cli.app import app

    return "\n".join([_START, *_verbs(get_command(app), "headstart")])


def _verbs(group: Any, name: str) -> Iterator[str]:
    for verb, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _verbs(command, f"{name} {verb}")
        else:
            yield _section(command, f"{name} {verb}")


def _section(command: Any, name: str) -> str:
    arguments = [entry for entry in command.params if entry.param_type_name == "argument"]
    options = [entry for entry in command.params if entry.param_type_name == "option" and not entry.hidden]
    usage = " ".join([name, *(_shown(entry) for entry in arguments), "[OPTIONS]" if options else ""]).strip()
    told = [f"- `{entry.metavar or entry.human_readable_name}`: {entry.help}" for entry in arguments if entry.help]
    table = ["| option | | default |", "|---|---|---|", *map(_row, options)] if options else []
    parts = [f"## {name}", f"`{usage}`", " ".join((command.help or "").split()), "\n".join(told), "\n".join(table)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _shown(argument: Any) -> str:
    text = argument.metavar or argument.human_readable_name
    text = f"{text}..." if argument.nargs == -1 and not text.endswith("...") else text
    return text if argument.required else f"[{text}]"


def _row(option: Any) -> str:
    names = "/".join([*option.opts, *option.secondary_opts])
    default = "" if option.default is None else option.default
    if isinstance(default, bool):
        default = option.opts[0] if default else next(iter(option.secondary_opts), "")
    return f"| `{names}` | {(option.help or '').replace('|', '/')} | {f'`{default}`' if default != '' else ''} |"


if __name__ == "__main__":
    PAGE.write_text(render())
