"""The entry point: one command per verb, each in a file of its own, and errors as one kind message with exit code 2."""

from __future__ import annotations

import io
import signal
import sys
from types import FrameType
from typing import Annotated

import typer

from headstart import __version__
from headstart.cli import cache, check, evaluate, extract, fit, models, predict, rank, report
from headstart.core.errors import HeadstartError

app = typer.Typer(
    name="headstart",
    help="Transfer learning that proves itself: point it at your labelled data, get a model, and honest evidence of "
    "whether the pretraining helped.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("fit")(fit.command)
app.command("predict")(predict.command)
app.command("evaluate")(evaluate.command)
app.command("check")(check.command)
app.command("rank")(rank.command)
app.command("extract")(extract.command)
app.command("report")(report.command)
app.command("models")(models.command)
app.add_typer(cache.app, name="cache")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"headstart {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options that come before the verb."""


class _Interrupted(BaseException):
    """Ctrl-C; not a KeyboardInterrupt, which the command line's parser would turn into its own message and code."""


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise _Interrupted


def main() -> None:
    """Runs the command line; a problem that headstart names ends in one message and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a file name need not be UTF-8
    signal.signal(signal.SIGINT, _interrupt)
    try:
        app()
    except HeadstartError as error:
        print(f"headstart: {error}", file=sys.stderr)
        sys.exit(2)
    except _Interrupted:
        print("headstart: stopped; the features computed so far are kept.", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        print(f"headstart: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
