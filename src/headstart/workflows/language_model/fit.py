"""From running text to a saved, judged language model: ``headstart fit TEXT --task lm``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from headstart.backbones.catalog import check_name, open_backbone
from headstart.core.errors import UsageError
from headstart.core.machine import training_device
from headstart.core.progress import Progress, Silent, Stopwatch
from headstart.core.run_folder import RunFolder
from headstart.core.unfinished import choose_target
from headstart.data.text_streams import read_streams
from headstart.workflows.arrange import DataOptions
from headstart.workflows.fit import FitOptions
from headstart.workflows.gather import AUTO, BackboneOptions
from headstart.workflows.language_model.corpus import corpus_of
from headstart.workflows.language_model.fitting import LanguageFitting
from headstart.workflows.refusals import refuse_at_once, refuse_inside
from headstart.workflows.resumable import already_done, request_of, resumable

#: Where nobody names a backbone.
DEFAULT = "bundled:minilm-l6"

#: What makes sense here: nothing trains, or everything does.
_STRATEGIES = ("auto", "finetune", "probe")


def fit_language_model(
    data: DataOptions,
    backbone: BackboneOptions,
    options: FitOptions,
    *,
    decorate: Callable[[Path], None],
    progress: Progress | None = None,
) -> RunFolder:
    """Fits a language model, judges it against the best one without the pretraining, and saves the run.

    Args:
        data: A text file, or a folder of them; see :func:`headstart.data.text_streams.read_streams`.
        backbone: Which backbone.
        options: How to fit; with the strategy ``"probe"`` nothing trains, and the source is judged as it is.
        decorate: Writes report and model card into the finished folder, before it gets its name.
        progress: Who is told how far it is.

    Returns:
        The saved run.

    Raises:
        DataError: There is no text, or too little.
        UsageError: The backbone reads no text, or an option makes no sense.
    """
    progress, watch = progress or Silent(), Stopwatch()
    refuse_at_once(data, backbone, options)
    _refuse_without_sense(data, backbone, options)
    name = backbone.name or DEFAULT
    check_name(name, architecture=backbone.architecture)
    with watch.step("read"):
        progress.start("read")
        streams = read_streams(data.data)
        progress.finish(f"{len(streams.train):,} characters to learn from, {len(streams.test):,} to judge on")
        for note in streams.notes:
            progress.say(note)
    request = {"task": "lm", **request_of(data, backbone, options)}
    if done := already_done(options, streams.name, request, progress):
        return done
    target = choose_target(options.out, streams.name, request)
    refuse_inside(target, data.data)
    with watch.step("backbone"):
        source = open_backbone(
            name,
            random_weights=backbone.random_weights,
            architecture=backbone.architecture,
            seed=backbone.seed,
            allow_licenses=backbone.allow_licenses,
            progress=progress,
        )
    with watch.step("tokens"):
        progress.start("tokens")
        corpus = corpus_of(streams, source.card)
        progress.finish(", ".join(f"{len(tokens):,} {split}" for split, tokens in corpus.tokens.items()))
    identity, changed = f"{corpus.identity()} {source.card.sha256}", "The text has changed"
    with resumable(target, request, identity=identity, changed=changed, options=options, progress=progress) as begun:
        fitting = LanguageFitting(
            corpus,
            source,
            options,
            unfinished=begun.unfinished,
            stop=begun.stop,
            listeners=begun.listeners,
            device=training_device(backbone.device),
            watch=watch,
            progress=progress,
        )
        run = fitting.run(target, decorate)
        begun.end(run)
    return run


def _refuse_without_sense(data: DataOptions, backbone: BackboneOptions, options: FitOptions) -> None:
    senseless = {
        f"--strategy {options.strategy}; choose one of {', '.join(_STRATEGIES)}": options.strategy not in _STRATEGIES,
        "--backbone auto, which ranks by classification": backbone.name == AUTO,
        "--head mlp": options.head != "linear",
        "--boundary": options.boundary is not None,
        "--views": bool(options.views),
        "--per-class": data.per_class is not None,
        "--adapt, which is what it does": options.adapt is not None,
        "--drop-near": data.drop_near,
        "columns": data.columns is not None,
    }
    for option in (option for option, given in senseless.items() if given):
        raise UsageError(f"Expected what --task lm can do with running text, but got {option}.")
