"""``headstart report RUN``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from headstart.cli import options


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.", show_default=False)],
    as_json: options.Json = False,
) -> None:
    """Write report.html and README.md of a run again from what the run holds."""
    from headstart import api
    from headstart.core.run_folder import open_run

    api.write_report(open_run(run).path)
    print(f"{run / 'report.html'} and {run / 'README.md'} are written.", file=sys.stderr)
    if as_json:
        print(json.dumps({"report": str(run / "report.html"), "model_card": str(run / "README.md")}))
