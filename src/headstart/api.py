"""The verbs in Python: wiring only. The command line is a thin skin over this module."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from headstart.artifacts.answering import open_model, write_pages
from headstart.artifacts.evaluate import Evaluation
from headstart.artifacts.model_card import render_model_card
from headstart.artifacts.predict import Prediction
from headstart.artifacts.report.page import render_report
from headstart.core.errors import UsageError
from headstart.core.files import write_bytes
from headstart.core.progress import Progress
from headstart.core.run_folder import open_run
from headstart.data.columns import Columns
from headstart.workflows.arrange import ANY_MODALITY, DataOptions
from headstart.workflows.cache import clear_cache, show_cache
from headstart.workflows.check import CheckReport, check_data
from headstart.workflows.extract import extract_features
from headstart.workflows.fit import FitOptions
from headstart.workflows.gather import BackboneOptions
from headstart.workflows.models import Models, Wanted, find_models, show_model
from headstart.workflows.rank import RankOptions
from headstart.workflows.rank import rank as rank_workflow
from headstart.workflows.rank_record import Ranking
from headstart.workflows.tasks import CLASSIFICATION, TASKS

__all__ = [
    "Run",
    "check",
    "clear_cache",
    "extract",
    "fit",
    "load",
    "models",
    "one_device",
    "rank",
    "seconds_of",
    "show_cache",
    "show_model",
    "write_report",
]

Device = Literal["auto", "cpu", "cuda"]
Input = str | Path | tuple[str, str] | NDArray[np.uint8]
Inputs = str | Path | NDArray[np.uint8] | Sequence[Input]
#: Arrays of so many axes are several pictures.
_BATCH_AXES = 4
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h)?")
_SECONDS = {None: 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


class Run:
    """A saved run: what it reached, and a model that answers.

    Args:
        path: The run's folder.

    Raises:
        RunFolderError: There is no run, or not an intact one.
    """

    def __init__(self, path: str | Path, *, progress: Progress | None = None) -> None:
        self._folder = open_run(path)
        self._model = open_model(self._folder, progress=progress)

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self._folder.path

    @property
    def metrics(self) -> dict[str, Any]:
        """What stands in ``metrics.json``."""
        return self._folder.metrics

    @property
    def manifest(self) -> Mapping[str, Any]:
        """What stands in ``manifest.json``."""
        return self._folder.manifest

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names."""
        return self._model.classes

    @property
    def notices(self) -> tuple[str, ...]:
        """What to know about how this machine answers, where it differs from the one that judged the run."""
        return self._model.notices

    def predict(
        self, inputs: Inputs, *, columns: Columns | None = None, progress: Progress | None = None
    ) -> list[Prediction]:
        """Answers for files, everything in folders, glob patterns, arrays, and texts as they are.

        Args:
            inputs: Paths, or pictures as uint8 arrays ``(H, W)`` or ``(H, W, 3)``; for a model of texts also texts,
                tables with a column of them, and in a list pairs ``(text, second)``; one or several.
            columns: Columns of a table, where you name any.
            progress: Who is told how far it is.

        Returns:
            A prediction per file found, then one per array, then one per input that was not found or is of another
            kind; what cannot be answered has an ``error`` and no label.
        """
        return list(self._model.predict(_listed(inputs), columns=columns, progress=progress))

    def evaluate(
        self, data: str | Path, *, columns: Columns | None = None, progress: Progress | None = None
    ) -> Evaluation:
        """Measures the model on labelled data: on its test split where it has one, else on all of it.

        Items that the run was trained on are left out and counted.

        Raises:
            DataError: Labels that the model does not know, or nothing to judge.
        """
        return self._model.evaluate(str(data), columns=columns, progress=progress)

    def __repr__(self) -> str:
        leading = self.metrics.get("leading", "accuracy")
        value = self.metrics["test"][leading]["value"]
        return f"Run({str(self.path)!r}, test {leading.replace('_', ' ')} {value:.3f})"


def fit(
    data: str | Path,
    *,
    task: str = CLASSIFICATION,
    out: str | Path | None = None,
    strategy: str = "auto",
    budget: float | str = 120.0,
    boundary: str | None = None,
    views: int | None = None,
    workers: int = 0,
    backbone: str | None = None,
    architecture: str | None = None,
    random_weights: bool = False,
    allow_license: Sequence[str] = (),
    adapt: str | Path | None = None,
    head: str = "linear",
    scratch: bool = True,
    baseline_budget: float | str = 30.0,
    log: str | None = None,
    per_class: int | None = None,
    drop_near: bool = False,
    columns: Columns | None = None,
    modality: str = ANY_MODALITY,
    seed: int = 0,
    device: str = "auto",
    command: str = "",
    progress: Progress | None = None,
) -> Run:
    """Fits a model on labelled data, judges it against the best model without pretraining, and saves the run.

    Args:
        data: A folder with a folder per class, a table, or a name such as ``"sklearn:digits"``.
        task: What is asked: ``"classification"``, ``"multilabel"`` (several labels of an item, or none),
            ``"regression"`` (a number), and of texts ``"tokens"`` (a tag for each word), ``"qa"`` (the piece of a text
            that answers a question) or ``"lm"`` (the next token, or hidden ones).
        out: The run's folder; ``None`` takes a free name under ``runs/``.
        strategy: ``"auto"``: the probe, then as much fine-tuning as the budget buys, the best by validation;
            ``"probe"``: a head on frozen features; ``"partial"``: the stages above a boundary train;
            ``"finetune"``: all stages train; ``"scratch"``: the strongest network from random weights.
        budget: Time for fine-tuning, in seconds or as ``"90s"``, ``"5m"``; turned into a plan before it starts.
        boundary: The lowest stage that trains, for ``"partial"``; ``None`` takes the lowest that the budget buys.
        views: Augmented views per item whose activations at the boundary are cached; 0 for the items as they are,
            ``None`` for one where changes are known that keep the label.
        workers: Processes that decode where items are read anew in every epoch; 0 for threads.
        backbone: ``source:architecture``; ``None`` takes the offline default, ``"auto"`` the one that
            :func:`rank` puts first.
        architecture: The architecture of a ``file:`` checkpoint.
        random_weights: Take the architecture with random weights.
        allow_license: Licences of weights that may be used beside the permissive ones.
        adapt: Texts without labels that the backbone is trained on as a language model first: a file, folder or table,
            or ``"self"`` for the training texts; ``None`` for no such training.
        head: ``"linear"`` or ``"mlp"``.
        scratch: Also train baselines from random weights.
        baseline_budget: Time for each of them, in seconds or as ``"90s"``, ``"5m"``.
        log: Also pass every training step on: ``"tensorboard"``, ``"mlflow"`` or ``"wandb"``.
        per_class: Learn from only so many labels per class.
        drop_near: Remove near duplicates of test items from training too.
        columns: Columns of a table, where you name any.
        modality: ``"image"``, ``"text"``, ``"sound"``; ``"auto"`` tells it by what is there.
        seed: Of everything random.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        command: What the user typed, for the record.
        progress: Who is told how far it is.

    Returns:
        The saved run.

    Raises:
        HeadstartError: Something that the message names; see :mod:`headstart.core.errors`.
    """
    folder = TASKS[task](
        DataOptions(
            str(data),
            modality=modality,
            columns=columns,
            per_class=per_class,
            drop_near=drop_near,
            seed=seed,
        ),
        BackboneOptions(
            backbone,
            random_weights=random_weights,
            architecture=architecture,
            device=one_device(device),
            seed=seed,
            allow_licenses=tuple(allow_license),
        ),
        FitOptions(
            out=None if out is None else Path(out),
            strategy=strategy,
            adapt=None if adapt is None else str(adapt),
            head=head,
            budget=seconds_of(budget),
            boundary=boundary,
            views=views,
            workers=workers,
            scratch=scratch,
            baseline_budget=seconds_of(baseline_budget),
            tracker=log,
            seed=seed,
            command=command,
        ),
        decorate=write_report,
        progress=progress,
    )
    return Run(folder.path, progress=progress)


def load(path: str | Path, *, progress: Progress | None = None) -> Run:
    """Opens a saved run; nothing in it is executed."""
    return Run(path, progress=progress)


def check(
    data: str | Path,
    *,
    data_only: bool = False,
    backbone: str | None = None,
    architecture: str | None = None,
    random_weights: bool = False,
    allow_license: Sequence[str] = (),
    columns: Columns | None = None,
    modality: str = ANY_MODALITY,
    seed: int = 0,
    progress: Progress | None = None,
) -> CheckReport:
    """The state of the data and whether transfer is appropriate, without training.

    Args:
        data: Labelled data.
        data_only: Leave the models out.
        backbone: ``source:architecture`` whose features are looked at; ``None`` takes the offline default.
        architecture: The architecture of a ``file:`` checkpoint.
        random_weights: Take the architecture with random weights, which has nothing to transfer.
        allow_license: Licences of weights that may be used beside the permissive ones.
        columns: Columns of a table.
        modality: ``"image"``, ``"text"``, ``"sound"``; ``"auto"`` tells it by what is there.
        seed: For splits, samples and random weights.
        progress: Who is told how far it is.
    """
    options = BackboneOptions(
        backbone,
        random_weights=random_weights,
        architecture=architecture,
        seed=seed,
        allow_licenses=tuple(allow_license),
    )
    wanted = DataOptions(str(data), modality=modality, columns=columns, seed=seed)
    return check_data(wanted, None if data_only else options, progress=progress)


def rank(
    data: str | Path,
    *,
    candidates: Sequence[str] = (),
    scores: Sequence[str] = (),
    subset: int | None = None,
    allow_license: Sequence[str] = (),
    columns: Columns | None = None,
    modality: str = ANY_MODALITY,
    seed: int = 0,
    device: str = "auto",
    progress: Progress | None = None,
) -> Ranking:
    """Ranks backbones by how well their frozen features suit labelled data, without training one.

    Args:
        data: Labelled data; only training examples of it are looked at.
        candidates: Names of backbones; none for all whose weights are on this machine and whose licence is allowed.
        scores: Names of transferability scores, the first decides; none for the linear probe's accuracy.
        subset: Rank on at most so many examples; ``None`` for 1,000, or 10 of each class where that is more.
        allow_license: Licences of weights that may be used beside the permissive ones.
        columns: Columns of a table.
        modality: ``"image"``, ``"text"``, ``"sound"``; ``"auto"`` tells it by what is there.
        seed: For splits and samples.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        progress: Who is told how far it is.

    Returns:
        The candidates in order, each rank with its interval; ``.best.name`` is the first, ``.tied`` those that are
        not shown to be worse.
    """
    return rank_workflow(
        DataOptions(str(data), modality=modality, columns=columns, seed=seed),
        BackboneOptions(device=one_device(device), seed=seed, allow_licenses=tuple(allow_license)),
        RankOptions(tuple(candidates), tuple(scores), subset),
        progress=progress,
    )


def extract(
    data: str | Path,
    out: str | Path,
    *,
    stages: Sequence[str] = (),
    backbone: str | None = None,
    architecture: str | None = None,
    random_weights: bool = False,
    allow_license: Sequence[str] = (),
    columns: Columns | None = None,
    modality: str = ANY_MODALITY,
    seed: int = 0,
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Writes features of some stages to a Parquet file, with ids, labels and splits.

    Args:
        data: Labelled data, or a folder of files without labels.
        out: The Parquet file.
        stages: Names of stages; none for the top.
        backbone: ``source:architecture``; ``None`` takes the offline default.
        architecture: The architecture of a ``file:`` checkpoint.
        random_weights: Take the architecture with random weights.
        allow_license: Licences of weights that may be used beside the permissive ones.
        columns: Columns of a table.
        modality: ``"image"``, ``"text"``, ``"sound"``; ``"auto"`` tells it by what is there.
        seed: For random weights.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        progress: Who is told how far it is.

    Returns:
        What was written: file, rows, stages, what was left out.
    """
    options = BackboneOptions(
        backbone,
        random_weights=random_weights,
        architecture=architecture,
        device=one_device(device),
        seed=seed,
        allow_licenses=tuple(allow_license),
    )
    wanted = DataOptions(str(data), modality=modality, columns=columns, seed=seed)
    return extract_features(wanted, options, Path(out), stages=stages, progress=progress)


def models(
    pattern: str = "*",
    *,
    source: str | None = None,
    licence: str | None = None,
    max_parameters: float | None = None,
    input_size: int | None = None,
    pretraining: str | None = None,
    here: bool = False,
) -> Models:
    """Pretrained models, those on this machine first; offline, from an index. :func:`show_model` knows more of one.

    Args:
        pattern: A part of the name, or a glob pattern such as ``"resnet*"``.
        source: ``"bundled"``, ``"timm"``, ``"torchvision"``, ...
        licence: ``"permissive"``, or the name of a licence of weights.
        max_parameters: The most parameters of the backbone.
        input_size: Side of the square input, in pixels.
        pretraining: A part of the name of the pretraining data.
        here: Only models whose weights are on this machine.
    """
    return find_models(Wanted(pattern, source, licence, max_parameters, input_size, pretraining, here))


def write_report(run: Path) -> None:
    """Writes ``report.html`` and ``README.md`` of a run from what it holds."""
    write_pages(run, _write_usual_pages)


def _write_usual_pages(run: Path) -> None:
    write_bytes(run / "report.html", render_report(run).encode("utf-8", "backslashreplace"))
    write_bytes(run / "README.md", render_model_card(run).encode("utf-8", "backslashreplace"))


def seconds_of(duration: float | str) -> float:
    """Seconds of ``90``, ``"90s"``, ``"5m"`` or ``"1h"``.

    Raises:
        UsageError: It is none of these.

    Example:
        >>> seconds_of("1.5m")
        90.0
    """
    if isinstance(duration, str):
        match = _DURATION.fullmatch(duration.strip().lower())
        if match is None:
            raise UsageError(f"Expected a duration such as 90s, 5m or 1h, but got {duration!r}; write it like these.")
        return float(match[1]) * _SECONDS[match[2]]
    return float(duration)


def one_device(name: str) -> Device:
    """A device name that is one of the known.

    Raises:
        UsageError: It is not.
    """
    if name not in {"auto", "cpu", "cuda"}:
        raise UsageError(f"Expected a device of auto, cpu or cuda, but got {name!r}; choose one of these.")
    return name  # type: ignore[return-value]


def _listed(inputs: Inputs) -> list[Input]:
    """The inputs as a list; a lone one, but for a pair, counts as a list of one."""
    if isinstance(inputs, str | Path) or (isinstance(inputs, np.ndarray) and inputs.ndim < _BATCH_AXES):
        return [inputs]
    listed = list(inputs)
    for entry in listed:
        if not isinstance(entry, str | Path | tuple | np.ndarray):
            raise UsageError(
                f"Expected paths, texts, pairs of texts or arrays, but got {entry!r} of type {type(entry).__name__}."
            )
    return listed
