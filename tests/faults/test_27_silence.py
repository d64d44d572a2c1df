"""Fault 27: nothing opens a socket, and nothing is written outside the run and the cache."""

import os
import subprocess
import sys

WATCHED = """
import os, socket, sys

def refuse(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}:
        print("NETWORK", event, arguments, file=sys.stderr)
        os._exit(7)

sys.addaudithook(refuse)
from headstart.cli.app import main
sys.argv = ["headstart", *sys.argv[1:]]
main()
"""


def run(home, *arguments):
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("HEADSTART", "XDG"))}
    environment |= {"HOME": str(home), "HEADSTART_CACHE": str(home / "cache"), "TMPDIR": str(home / "tmp")}
    return subprocess.run(
        [sys.executable, "-c", WATCHED, *map(str, arguments)],
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_whole_fit_and_prediction_stay_at_home(shapes, tmp_path):
    """Conversion, engine trial, features, baselines, report: with the default backbone, from an empty cache."""
    (tmp_path / "tmp").mkdir()
    done = run(tmp_path, "fit", shapes, "--out", tmp_path / "run", "--baseline-budget", "2s")
    assert done.returncode == 0, done.stderr
    done = run(tmp_path, "predict", tmp_path / "run", shapes / "disc")
    assert done.returncode == 0, done.stderr
    assert "NETWORK" not in done.stderr
    written = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {"cache", "run"}


def test_the_watch_sees_a_socket(tmp_path):
    """The watch itself works: a name look-up ends the process."""
    code = WATCHED.split("from headstart", maxsplit=1)[0] + "import socket\nsocket.getaddrinfo('localhost', 80)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 7
