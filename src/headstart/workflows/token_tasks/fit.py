"""Fits that ask about the single tokens of a text.

    gather ─► head on frozen features ─► tune ─► baselines ─► convert ─► save ─► judge what was saved

The order of steps, the unfinished run and the rules of choice are those of :mod:`headstart.workflows.fit`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.core.errors import UsageError
from headstart.core.progress import Progress, Silent, Stopwatch
from headstart.core.run_folder import RunFolder
from headstart.core.unfinished import choose_target
from headstart.tasks.token_problem import TOKEN_PROBLEMS
from headstart.transfer.strategy import STRATEGIES
from headstart.workflows.arrange import DataOptions
from headstart.workflows.gather import AUTO, BackboneOptions
from headstart.workflows.refusals import refuse_at_once, refuse_boundary, refuse_inside
from headstart.workflows.resumable import already_done, identity_of, request_of, resumable, short_name
from headstart.workflows.token_tasks.examples import gather
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
    if done := already_done(options, name, request, progress):
        return done
    refuse_inside(choose_target(options.out, name, request), data.data)
    examples = gather(kind, data, backbone, progress=progress, watch=watch)
    refuse_boundary(examples.backbone.card, options.boundary)
    target = choose_target(options.out, name, request)
    identity = identity_of(examples.digests, examples.table.items, examples.backbone.card.sha256)
    with resumable(target, request, identity=identity, options=options, progress=progress) as begun:
        setup = TrainingSetup(
            examples.problem.task,
            seed=options.seed,
            device=backbone.device,
            unfinished=begun.unfinished,
            stop=begun.stop,
            listeners=begun.listeners,
            progress=progress,
        )
        fitting = TokenFitting(examples, options, Trainings(examples, setup), watch, progress)
        run = fitting.run(target, data, decorate)
        begun.end(run)
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
