"""Making the index: ``python -m headstart.backbones.model_index.generate [PREFIX ...]``.

The files are written into this package, for the next release; ``headstart models --refresh`` writes into the cache.
What was measured is kept until a file is whole, so that the same command goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import IO

from headstart.backbones.model_index.index import installed_version, packaged
from headstart.backbones.model_index.lines import encode
from headstart.backbones.model_index.listing import LISTINGS, Listed
from headstart.backbones.model_index.measure import Measured, measure
from headstart.backbones.model_index.row import ModelRow
from headstart.core.files import locked, storage_errors, write_bytes
from headstart.core.home import cache_home
from headstart.core.progress import Progress, Silent


def generate(prefix: str, path: Path, *, progress: Progress | None = None) -> int:
    """Lists and measures the models of one prefix and writes its file.

    Args:
        prefix: ``"timm"``, ``"torchvision"``, ...
        path: The file to write.
        progress: Hears of every architecture.

    Returns:
        How many models there are.

    Raises:
        UnknownNameError: There is no index of this prefix.
        StorageError: The disk is full or refuses.
    """
    listener = progress or Silent()
    about = installed_version(prefix)
    listed = sorted(LISTINGS[prefix](), key=_shared)
    groups = [list(group) for _, group in groupby(listed, key=_shared)]
    listener.start(f"index of {prefix}", total=len(groups))
    measured = []
    with _kept(f"{prefix}-{about}") as kept:
        for group in groups:
            measured.append(_rows(group, kept.measured(group[0])))
            listener.advance()
        write_bytes(path, encode(about, measured))
        kept.forget()
    listener.finish(f"{len(listed)} models of {len(groups)} architectures")
    return len(listed)


class _Kept:
    """What was measured so far, a line per architecture in a file."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._known: dict[str, Measured] = {}
        for line in stream:
            with suppress(ValueError):  # half a line: its writer was killed
                key, values = json.loads(line)
                self._known[key] = Measured(**values)

    def measured(self, listed: Listed) -> Measured:
        """The architecture of a model, measured now where it was not before."""
        key = f"{listed.library} {listed.architecture} {listed.preprocess.kind} {listed.preprocess.size}"
        if key not in self._known:
            self._known[key] = measure(listed.library, listed.architecture, listed.preprocess)
            self._stream.write(json.dumps([key, asdict(self._known[key])]) + "\n")
            self._stream.flush()
        return self._known[key]

    def forget(self) -> None:
        """Empties the file: the next index is measured anew."""
        self._stream.truncate(0)


@contextmanager
def _kept(name: str) -> Iterator[_Kept]:
    path = cache_home() / "model_index" / f"{name}.measured"
    with locked(path.with_suffix(".lock")), storage_errors(path), path.open("a+") as stream:
        stream.seek(0)
        yield _Kept(stream)


def _shared(listed: Listed) -> tuple[str, str, int, str]:
    return listed.library, listed.architecture, listed.preprocess.size, listed.name.partition(".")[0]


def _rows(group: Sequence[Listed], measured: Measured) -> list[ModelRow]:
    """The models of one architecture and input size."""
    papers = {listed.paper for listed in group} - {""}
    return [
        ModelRow(
            name=listed.name,
            takes=listed.preprocess.kind,
            licence=listed.licence,
            pretraining=listed.pretraining,
            paper=", ".join(sorted(papers)),
            parameters=measured.parameters,
            flops=measured.flops,
            input_size=listed.preprocess.size,
            cut=measured.cut,
            uncut=listed.uncut or measured.uncut,
            weights=listed.weights,
            imagenet_top1=listed.imagenet_top1,
            default=listed.default,
        )
        for listed in group
    ]


def main() -> None:
    """Generates the packaged files of the prefixes named on the command line, or of all."""
    parser = argparse.ArgumentParser(description="Generate the packaged index of models.")
    parser.add_argument("prefix", nargs="*", default=list(LISTINGS))
    for prefix in parser.parse_args().prefix:
        print(f"{packaged(prefix)}: {generate(prefix, packaged(prefix))} models")


if __name__ == "__main__":
    main()
