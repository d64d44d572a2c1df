"""Fits that ask for several labels, or for a number, of each item.

    gather ─► solved head ─► plain baselines ─► tune ─► networks from scratch ─► convert ─► save ─► judge what was saved

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
from headstart.transfer.strategy import STRATEGIES
from headstart.workflows.arrange import DataOptions
from headstart.workflows.gather import AUTO, BackboneOptions
from headstart.workflows.pooled_tasks.examples import gather
from headstart.workflows.pooled_tasks.fitting import PooledFitting
from headstart.workflows.pooled_tasks.problem import POOLED_PROBLEMS
from headstart.workflows.pooled_tasks.trainings import Trainings
from headstart.workflows.recognised import recognised
from headstart.workflows.refusals import refuse_at_once, refuse_boundary, refuse_inside
from headstart.workflows.resumable import already_done, identity_of, request_of, resumable, short_name
from headstart.workflows.trained_tasks.setup import TrainingSetup

if TYPE_CHECKING:
    from headstart.workflows.fit import FitOptions


def fit_multilabel(
    data: DataOptions,
    backbone: BackboneOptions,
    options: FitOptions,
    *,
    decorate: Callable[[Path], None],
    progress: Progress | None = None,
) -> RunFolder:
    """Multi-label classification, as :func:`headstart.workflows.fit.fit` does classification."""
    return fit_problem("multilabel", data, backbone, options, decorate=decorate, progress=progress)


def fit_regression(
    data: DataOptions,
    backbone: BackboneOptions,
    options: FitOptions,
    *,
    decorate: Callable[[Path], None],
    progress: Progress | None = None,
) -> RunFolder:
    """Regression, as :func:`headstart.workflows.fit.fit` does classification."""
    return fit_problem("regression", data, backbone, options, decorate=decorate, progress=progress)


def fit_problem(
    task: str,
    data: DataOptions,
    backbone: BackboneOptions,
    options: FitOptions,
    *,
    decorate: Callable[[Path], None],
    progress: Progress | None = None,
) -> RunFolder:
    """Fits a model for a task on whole items, judges it against the best one without pretraining, and saves the run.

    Args:
        task: A name in :data:`headstart.workflows.pooled_tasks.problem.POOLED_PROBLEMS`.
        data: Which data, read how.
        backbone: Which backbone.
        options: How to fit.
        decorate: Writes report and model card into the finished folder, before it gets its name.
        progress: Who is told how far it is.

    Returns:
        The saved run.

    Raises:
        HeadstartError: Something that the message names.
    """
    progress, watch, kind = progress or Silent(), Stopwatch(), POOLED_PROBLEMS[task]
    refuse_at_once(data, backbone, options)
    _refuse_without_sense(task, data, backbone, options)
    request = {"task": task, **request_of(data, backbone, options)}
    name = short_name(data.data)
    if done := already_done(options, name, request, progress):
        return done
    refuse_inside(choose_target(options.out, name, request), data.data)
    data = recognised(data)
    examples = gather(kind, data, backbone, progress=progress, watch=watch)
    refuse_boundary(examples.base.backbone.card, options.boundary)
    target = choose_target(options.out, name, request)
    identity = identity_of(examples.base.digests, examples.base.arranged.items, examples.base.backbone.card.sha256)
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
        run = PooledFitting(
            examples, options, Trainings(examples, setup, workers=options.workers), watch, progress
        ).run(target, data, decorate)
        begun.end(run)
    return run


def _refuse_without_sense(task: str, data: DataOptions, backbone: BackboneOptions, options: FitOptions) -> None:
    strategy = STRATEGIES[options.strategy]
    senseless = {
        "--backbone auto, which ranks by classification": backbone.name == AUTO,
        "--head mlp": options.head != "linear",
        "--adapt": options.adapt is not None,
        "--per-class, since items have no classes": data.per_class is not None,
        "--views, since nobody has checked which changes keep such labels": bool(options.views),
        f"--strategy {strategy.name}": strategy.weights == "random" or strategy.objective != "classification",
    }
    for option in (option for option, given in senseless.items() if given):
        raise UsageError(f"Expected what --task {task} can do, but got {option}; leave it out.")
