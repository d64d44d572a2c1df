"""What makes a fit resumable: which command and data it is of, who may stop it, and what is kept until it is done."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.core.errors import StorageError
from headstart.core.interruption import interruptible
from headstart.core.machine import version
from headstart.core.progress import Progress, Stopwatch
from headstart.core.run_folder import RunFolder, open_run
from headstart.core.unfinished import UnfinishedRun, finished_run, open_unfinished
from headstart.data.items import Item
from headstart.training.step_log import Listener
from headstart.training.trackers.contract import TRACKERS, guarded
from headstart.transfer.strategy import STRATEGIES
from headstart.workflows.arrange import DataOptions
from headstart.workflows.gather import BackboneOptions

if TYPE_CHECKING:
    from headstart.workflows.fit import FitOptions


@dataclass(frozen=True)
class ResumableFit:
    """A fit that was begun, or taken up where it was ended early.

    Attributes:
        unfinished: Where everything is kept that takes long.
        stop: Whether somebody asked to stop; then what is there is saved.
        listeners: Who else is told of every training step.
        progress: Who is told how far it is.
    """

    unfinished: UnfinishedRun
    stop: Callable[[], bool]
    listeners: tuple[Listener, ...]
    progress: Progress

    def end(self, run: RunFolder) -> None:
        """Lets go of what was kept, unless the published run is that of a fit that was interrupted."""
        if run.metrics["interrupted"]:
            return
        try:
            self.unfinished.discard()
        except StorageError as error:  # the run is whole all the same
            self.progress.say(str(error))


@contextmanager
def resumable(
    target: Path,
    request: Mapping[str, Any],
    *,
    identity: str,
    changed: str = "The data have changed",
    options: FitOptions,
    progress: Progress,
) -> Iterator[ResumableFit]:
    """Begins a fit, or takes up the one that the same command began; nobody else can as long as the block lasts.

    Args:
        target: The run that it will become.
        request: From :func:`request_of`.
        identity: A hash over what is learned from; where it is another than before, everything begins anew.
        changed: How that is said.
        options: How to fit.
        progress: Who is told how far it is.

    Raises:
        UsageError: Another fit is at work there, or an unfinished one with another request is in the way.
    """
    with ExitStack() as stack:
        unfinished = stack.enter_context(open_unfinished(target, request))
        if unfinished.resumed:
            progress.say(f"Going on with the unfinished fit in {unfinished.path}.")
        if not unfinished.belongs_to(identity):
            progress.say(f"{changed} since it was begun: beginning anew.")
        interruption = stack.enter_context(interruptible(progress))
        listeners = stack.enter_context(_listening(options, target, request, progress))
        yield ResumableFit(unfinished, lambda: interruption.requested, listeners, progress)


def request_of(data: DataOptions, backbone: BackboneOptions, options: FitOptions) -> dict[str, Any]:
    """Everything that decides what comes out, for recognising the same command again.

    Args:
        data: Which data, read how.
        backbone: Which backbone.
        options: How to fit.
    """
    asked = asdict(options)
    for name in ("out", "command", "tracker", "workers"):
        del asked[name]
    where = Path(data.data)
    return {
        "headstart": version("headstart"),
        "data": asdict(data) | {"data": str(where.resolve()) if where.exists() else data.data},
        "backbone": asdict(backbone),
        "options": asked,
    }


def already_done(options: FitOptions, name: str, request: Mapping[str, Any], progress: Progress) -> RunFolder | None:
    """The run of a fit that was killed after it was published and before it had tidied up; ``None`` elsewhere.

    Args:
        options: How to fit.
        name: Of the run, where nobody gave one.
        request: From :func:`request_of`.
        progress: Who is told.
    """
    done = finished_run(options.out, name, request)
    if done is None:
        return None
    progress.say(f"This fit was done when it was ended: {done} is whole.")
    return open_run(done)


def identity_of(digests: Sequence[str], items: Sequence[Item], *made_with: str) -> str:
    """A hash over what is learned from: contents, labels, splits.

    Args:
        digests: Of the items' contents.
        items: The items.
        made_with: What else the examples depend on, such as the backbone.
    """
    lines = [
        f"{digest} {item.label!r} {item.split} {item.group!r}\n" for digest, item in zip(digests, items, strict=True)
    ]
    return hashlib.sha256("".join([*lines, *made_with]).encode("utf-8", "backslashreplace")).hexdigest()


def short_name(data: str) -> str:
    """What a run is called where nobody gave it a name: the data's last name."""
    path = Path(data.split(":", 1)[-1])
    return path.resolve().stem if path.exists() else path.name


def log_lines(unfinished: UnfinishedRun, watch: Stopwatch) -> Iterator[Mapping[str, Any]]:
    """The lines of ``log.jsonl``: every training step, then the seconds of each part of the fit."""
    yield from unfinished.step_logs()
    yield from ({"step": name, "seconds": round(seconds, 4)} for name, seconds in watch.seconds.items())


@contextmanager
def _listening(
    options: FitOptions, target: Path, request: Mapping[str, Any], progress: Progress
) -> Iterator[tuple[Listener, ...]]:
    """Who else is told of every training step, where there will be any; recordings lie beside the run."""
    if options.tracker is None or not (STRATEGIES[options.strategy].phases or options.scratch):
        yield ()
        return
    tracker = TRACKERS[options.tracker](target.parent, run_name=target.name, config=request)
    with guarded(tracker, options.tracker, progress) as listener:
        yield (listener,)
