from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from headstart.core.errors import StorageError, UsageError
from headstart.core.progress import Silent, Stopwatch
from headstart.data.items import ArraySource, Item
from headstart.workflows.arrange import DataOptions
from headstart.workflows.fit import FitOptions
from headstart.workflows.gather import BackboneOptions
from headstart.workflows.resumable import ResumableFit, identity_of, log_lines, request_of, resumable, short_name

ITEMS = [Item(name, ArraySource(None), label="cat", split="train", group="farm") for name in ("one", "two")]  # type: ignore[arg-type]


class Said(Silent):
    """Remembers what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)


@dataclass
class Kept:
    """What a fit has done so far, and whether it can be removed."""

    full: bool = False
    discarded: bool = False

    def discard(self) -> None:
        if self.full:
            raise StorageError("the disk is read-only")
        self.discarded = True


@dataclass
class Run:
    metrics: dict[str, Any] = field(default_factory=lambda: {"interrupted": False})


def begun(tmp_path: Path, *, identity: str = "data", progress: Silent | None = None):  # type: ignore[no-untyped-def]
    options = FitOptions(scratch=False, strategy="probe")
    return resumable(tmp_path / "run", {"seed": 0}, identity=identity, options=options, progress=progress or Silent())


def test_the_same_command_goes_on_and_finds_what_was_decided(tmp_path: Path) -> None:
    with begun(tmp_path) as first:
        assert first.unfinished.once("plan", lambda: [1]) == [1]
        assert not first.stop()
        assert first.listeners == ()
    said = Said()
    with begun(tmp_path, progress=said) as second:
        assert second.unfinished.once("plan", lambda: [2]) == [1]
    (line,) = said.lines
    assert line.startswith("Going on with the unfinished fit in ")


def test_other_data_begin_anew(tmp_path: Path) -> None:
    with begun(tmp_path) as first:
        first.unfinished.once("plan", lambda: [1])
    said = Said()
    with begun(tmp_path, identity="other data", progress=said) as second:
        assert second.unfinished.once("plan", lambda: [2]) == [2]
    assert said.lines[-1] == "The data have changed since it was begun: beginning anew."


def test_nobody_else_works_there_meanwhile(tmp_path: Path) -> None:
    with begun(tmp_path), pytest.raises(UsageError, match="another fit is at work there"), begun(tmp_path):
        pass


@pytest.mark.parametrize("interrupted", [False, True])
def test_what_was_kept_goes_when_the_fit_is_done(interrupted: bool) -> None:
    kept = Kept()
    fit = ResumableFit(kept, lambda: False, (), Silent())  # type: ignore[arg-type]
    fit.end(Run({"interrupted": interrupted}))  # type: ignore[arg-type]
    assert kept.discarded is not interrupted


def test_a_run_is_whole_even_where_what_was_kept_cannot_be_removed() -> None:
    said = Said()
    ResumableFit(Kept(full=True), lambda: False, (), said).end(Run())  # type: ignore[arg-type]
    assert said.lines == ["the disk is read-only"]


def test_the_identity_is_that_of_contents_labels_splits_groups_and_backbone() -> None:
    first, second = ITEMS
    same = [replace(first, id="renamed"), second]
    others = [
        (["a", "c"], ITEMS, "net"),
        (["a", "b"], [replace(first, label="dog"), second], "net"),
        (["a", "b"], [replace(first, split="test"), second], "net"),
        (["a", "b"], [replace(first, group="zoo"), second], "net"),
        (["a", "b"], ITEMS, "other net"),
    ]
    identity = identity_of(["a", "b"], ITEMS, "net")
    assert identity_of(["a", "b"], same, "net") == identity
    assert len({identity, *(identity_of(*other) for other in others)}) == 1 + len(others)


def test_a_request_knows_nothing_of_what_changes_no_result(tmp_path: Path) -> None:
    def asked(**options: Any) -> dict[str, Any]:
        return request_of(DataOptions(str(tmp_path)), BackboneOptions(), FitOptions(**options))

    same = {"out": tmp_path, "command": "headstart fit", "tracker": "tensorboard", "workers": 4}
    assert asked(**same) == asked()
    assert asked(seed=1) != asked()


def test_a_run_is_called_after_its_data(tmp_path: Path) -> None:
    (tmp_path / "photos.csv").touch()
    assert short_name(str(tmp_path / "photos.csv")) == "photos"
    assert short_name("sklearn:digits") == "digits"


def test_the_log_ends_with_the_seconds_of_each_part(tmp_path: Path) -> None:
    watch = Stopwatch()
    watch.seconds["probe"] = 1.23456
    with begun(tmp_path) as fit:
        (fit.unfinished.folder("one") / "steps.jsonl").write_text('{"loss": 1.0}\n{"loss": 0.5}\n')
        found = list(log_lines(fit.unfinished, watch))
    assert found == [{"loss": 1.0}, {"loss": 0.5}, {"step": "probe", "seconds": 1.2346}]
