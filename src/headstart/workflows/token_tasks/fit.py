"""Fits that ask about the single tokens of a text.

    gather ─► head on frozen features ─► tune ─► baselines ─► convert ─► save ─► judge what was saved

The order of steps, the unfinished run and the rules of choice are those of :mod:`headstart.workflows.fit`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.core.errors import StorageError, UsageError
from headstart.core.interruption import interruptible
from headstart.core.progress import Progress, Silent, Stopwatch
from headstart.core.run_folder import RunFolder, open_run
from headstart.core.unfinished import choose_target, finished_run, open_unfinished
from headstart.tasks.token_problem import TOKEN_PROBLEMS
from headstart.transfer.strategy import STRATEGIES
from headstart.workflows.arrange import DataOptions
from headstart.workflows.fit import listening, request_of, short_name
from headstart.workflows.gather import AUTO, BackboneOptions
from headstart.workflows.refusals import refuse_at_once, refuse_boundary, refuse_inside
from headstart.workflows.token_tasks.examples import TokenExamples, gather
from headstart.workflows.token_tasks.fitting import TokenFitting
from headstart.workflows.token_tasks.trainings import Trainings
from headstart.workflows.trained_tasks.setup import TrainingSetup

if TYPE_CHECKING:
    from headstart.workflows.fit import FitOptions


def fit_tokens(
    data: DataOptions,
    backbone: BackboneOptions,
    options: FitOptions,
    *,
    decorate: Callable[[Path], None],
    progress: Progress | None = None,
) -> RunFolder:
    """Token classification, as :func:`headstart.workflows.fit.fit` does classification."""
    return fit_problem("tokens", data, backbone, options, decorate=decorate, progress=progress)


def fit_questions(
    data: DataOptions,
    backbone: BackboneOptions,
    options: FitOptions,
    *,
    decorate: Callable[[Path], None],
    progress: Progress | None = None,
) -> RunFolder:
    """Extractive question answering, as :func:`headstart.workflows.fit.fit` does classification."""
    return fit_problem("qa", data, backbone, options, decorate=decorate, progress=progress)


def fit_problem(
    task: str,
    data: DataOptions,
    backbone: BackboneOptions,
    options: FitOptions,
    *,
    decorate: Callable[[Path], None],
    progress: Progress | None = None,
) -> RunFolder:
    """Fits a model for a task on tokens, judges it against the best one without pretraining, and saves the run.

    Args:
        task: A name in :data:`headstart.tasks.token_problem.TOKEN_PROBLEMS`.
        data: Which data, read how.
        backbone: Which backbone, for texts.
        options: How to fit.
        decorate: Writes report and model card into the finished folder, before it gets its name.
        progress: Who is told how far it is.

    Returns:
        The saved run.

    Raises:
        HeadstartError: Something that the message names.
    """
    progress, watch, kind = progress or Silent(), Stopwatch(), TOKEN_PROBLEMS[task]
    refuse_at_once(data, backbone, options)
    _refuse_without_sense(task, data, backbone, options)
    request = {"task": task, **request_of(data, backbone, options)}
    name = short_name(data.data)
    if done := finished_run(options.out, name, request):
        progress.say(f"This fit was done when it was ended: {done} is whole.")
        return open_run(done)
    refuse_inside(choose_target(options.out, name, request), data.data)
    examples = gather(kind, data, backbone, progress=progress, watch=watch)
    refuse_boundary(examples.backbone.card, options.boundary)
    target = choose_target(options.out, name, request)
    with ExitStack() as stack:
        unfinished = stack.enter_context(open_unfinished(target, request))
        if unfinished.resumed:
            progress.say(f"Going on with the unfinished fit in {unfinished.path}.")
        if not unfinished.belongs_to(_identity(examples)):
            progress.say("The data have changed since it was begun: beginning anew.")
        interruption = stack.enter_context(interruptible(progress))
        setup = TrainingSetup(
            examples.problem.task,
            seed=options.seed,
            device=backbone.device,
            unfinished=unfinished,
            stop=lambda: interruption.requested,
            listeners=stack.enter_context(listening(options, target, request, progress)),
            progress=progress,
        )
        trainings = Trainings(examples, setup)
        run = TokenFitting(examples, options, trainings, watch, progress).run(target, data, decorate)
        if not run.metrics["interrupted"]:
            try:
                unfinished.discard()
            except StorageError as error:  # the run is whole all the same
                progress.say(str(error))
    return run


def _refuse_without_sense(task: str, data: DataOptions, backbone: BackboneOptions, options: FitOptions) -> None:
    strategy = STRATEGIES[options.strategy]
    senseless = {
        "--backbone auto, which ranks by classification": backbone.name == AUTO,
        "--head mlp": options.head != "linear",
        "--per-class, since items have no classes": data.per_class is not None,
        "--drop-near": data.drop_near,
        "--adapt": options.adapt is not None,
        "--views, since no change of a text is known that keeps what is asked": bool(options.views),
        f"--strategy {strategy.name}": strategy.weights == "random" or strategy.objective != "classification",
    }
    for option in (option for option, given in senseless.items() if given):
        raise UsageError(f"Expected what --task {task} can do, but got {option}; leave it out.")


def _identity(examples: TokenExamples) -> str:
    """A hash over what is learned from: contents, labels, splits."""
    lines = [
        f"{digest} {item.label!r} {item.split} {item.group!r}\n"
        for digest, item in zip(examples.digests, examples.table.items, strict=True)
    ]
    whole = "".join([*lines, examples.backbone.card.sha256])
    return hashlib.sha256(whole.encode("utf-8", "backslashreplace")).hexdigest()
