"""Makes the pictures of the README from a real run on scikit-learn's digits.

``images/terminal.svg`` is what the command line shows on a terminal, ``images/report.png`` what a browser
without a window shows of the report. The digits are openly licensed (UCI Machine Learning Repository, CC BY 4.0).
"""

from __future__ import annotations

import io
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

IMAGES = Path(__file__).parent / "images"
ARGUMENTS = ["fit", "sklearn:digits", "--per-class", "10", "--strategy", "probe", "--seed", "0"]
COLUMNS = 100
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
PAGE = (1000, 1500)
_MOVES = re.compile(r"\x1b\[[0-9;?]*[A-Za-ln-z]")  # everything a terminal is told but colours


def main() -> None:
    """Makes both."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        printed = fit(Path(folder))
        draw_terminal(printed, IMAGES / "terminal.svg")
        photograph(next(Path(folder).rglob("report.html")), IMAGES / "report.png")


def fit(folder: Path) -> str:
    """Runs the command in ``folder`` and returns what a terminal would show in the end: no moving bars."""
    headstart = str(Path(sys.executable).with_name("headstart"))
    still = {"TERM": "xterm-256color", "TTY_INTERACTIVE": "0", "COLUMNS": str(COLUMNS)}
    ours, terminal = pty.openpty()
    process = subprocess.Popen([headstart, *ARGUMENTS], cwd=folder, env={**os.environ, **still}, stderr=terminal)
    os.close(terminal)
    printed = _read_all(ours)
    if process.wait():
        sys.exit(f"headstart ended with {process.returncode}:\n{printed}")
    return _MOVES.sub("", printed).replace("\r", "")


def _read_all(terminal: int) -> str:
    """Everything that is written to a terminal until the last writer is gone, which Linux reports as an error."""
    parts = []
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    os.close(terminal)
    return b"".join(parts).decode()


def draw_terminal(printed: str, target: Path) -> None:
    """Draws the terminal as SVG, without the web font that rich would fetch."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text.from_ansi(f"$ headstart {' '.join(ARGUMENTS)}\n{printed.rstrip()}"))
    drawn = console.export_svg(title="headstart")
    target.write_text(re.sub(r"@font-face\s*{[^}]*}\s*", "", drawn))


def photograph(page: Path, target: Path) -> None:
    """A picture of the top of a page.

    Raises:
        SystemExit: There is no browser.
    """
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        sys.exit(f"Expected one of {', '.join(BROWSERS)} for {target.name}, but found none; install one.")
    window = [f"--window-size={PAGE[0]},{PAGE[1]}", "--hide-scrollbars"]
    options = ["--headless", "--no-sandbox", "--disable-gpu", *window, f"--screenshot={target}"]
    subprocess.run([browser, *options, page.as_uri()], check=True, capture_output=True)


if __name__ == "__main__":
    main()
