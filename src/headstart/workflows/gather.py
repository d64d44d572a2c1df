"""From what the user typed to examples with features: read, check, choose a path, compute once, arrange in splits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from headstart.backbones.catalog import open_backbone
from headstart.backbones.converted import ConvertedBackbone
from headstart.core.errors import DataError, UsageError
from headstart.core.progress import Progress, Stopwatch
from headstart.data.checks import check_classes
from headstart.data.items import Item, ItemTable
from headstart.data.modality import Modality
from headstart.features.admission import Choice, choose_path
from headstart.features.engines.contract import Engine
from headstart.features.extraction import Digests, Extraction, FeatureSource, extract, read_digests
from headstart.features.store import Table
from headstart.features.trial import TrialRow, engine_trial, start_engine
from headstart.workflows.arrange import Arranged, DataOptions, arrange, leave_out_unreadable
from headstart.workflows.recognised import modality_of, read_items, recognised

#: In a fit, instead of a backbone's name: the one that :mod:`headstart.workflows.choose_backbone` finds.
AUTO = "auto"


@dataclass(frozen=True)
class BackboneOptions:
    """Which backbone.

    Attributes:
        name: ``source:architecture``; ``None`` for the modality's default.
        random_weights: Take the architecture with random weights.
        architecture: The architecture of a ``file:`` checkpoint.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        seed: For random weights.
        allow_licenses: Licences of weights that may be used beside the permissive ones.
    """

    name: str | None = None
    random_weights: bool = False
    architecture: str | None = None
    device: str = "auto"
    seed: int = 0
    allow_licenses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Examples:
    """Labelled examples with features, in splits; everything is aligned with ``arranged.items``.

    Attributes:
        arranged: Items, labels, classes, splits and the ledger.
        modality: What kind of data it is.
        backbone: Where the features come from.
        choice: The path that made them, and what else was judged.
        features: Pooled features by stage, ``(N, dim)``.
        plain: The plain baseline's representation, ``(N, P)``.
        digests: SHA-256 of each item's encoded content.
        warnings: Sentences about the data that somebody should read.
        computed: How many items went through the engine this time.
    """

    arranged: Arranged
    modality: Modality
    backbone: ConvertedBackbone
    choice: Choice
    features: dict[str, Table]
    plain: Table
    digests: tuple[str, ...]
    warnings: tuple[str, ...]
    computed: int

    @property
    def top(self) -> Table:
        """The features at the top."""
        return self.features[self.backbone.card.top.name]


def gather(data: DataOptions, backbone: BackboneOptions, *, progress: Progress, watch: Stopwatch) -> Examples:
    """Reads, checks, extracts, resolves duplicates and splits.

    Args:
        data: Which data.
        backbone: Which backbone.
        progress: Who is told how far it is.
        watch: Where the seconds per step are kept.

    Raises:
        DataError: The data cannot be used; all that is wrong with it stands in one message.
    """
    modality = modality_of(recognised(data))
    with watch.step("read"):
        progress.start("read")
        table = read_items(data.data, modality, data.columns)
        warnings = refuse_or_warn(table)
        progress.finish(f"{len(table.items)} {modality.item_word}s in {len(table.classes)} classes")
        for warning in warnings:
            progress.say(f"Warning: {warning}")
    converted = open_named_backbone(backbone, modality, progress=progress, watch=watch)
    choice, extraction = compute_features(
        table.items,
        converted,
        modality,
        [converted.card.top.name],
        device=backbone.device,
        progress=progress,
        watch=watch,
    )
    with watch.step("duplicates and splits"):
        arranged = arrange(leave_out_unreadable(table, extraction), extraction, data)
    return Examples(
        arranged=arranged,
        modality=modality,
        backbone=converted,
        choice=choice,
        features={stage: rows.select(arranged.places) for stage, rows in extraction.features.items()},
        plain=extraction.plain.select(arranged.places),
        digests=tuple(extraction.digests[place] for place in arranged.places),
        warnings=tuple(warnings),
        computed=extraction.computed,
    )


def open_named_backbone(
    backbone: BackboneOptions, modality: Modality, *, progress: Progress, watch: Stopwatch
) -> ConvertedBackbone:
    """The backbone that the options name, or the modality's default.

    Raises:
        UsageError: It takes another kind of data.
    """
    with watch.step("backbone"):
        found = open_backbone(
            backbone.name or modality.default_backbone,
            random_weights=backbone.random_weights,
            architecture=backbone.architecture,
            seed=backbone.seed,
            allow_licenses=backbone.allow_licenses,
            progress=progress,
        )
    if found.card.preprocess.kind not in modality.takes:
        raise UsageError(
            f"Expected a backbone for {modality.item_word}s, but {found.card.name} takes inputs of the kind "
            f"{found.card.preprocess.kind!r}, and these data can be made into {', '.join(sorted(modality.takes))}; "
            f"choose another, such as {modality.default_backbone}, or name another --modality."
        )
    return found


def refuse_or_warn(table: ItemTable) -> list[str]:
    """Stops before anything dear is done where the classes do not allow it.

    Returns:
        Warnings.

    Raises:
        DataError: Lists everything that stands in the way.
    """
    found = check_classes(table)
    if found.errors:
        raise DataError.from_problems(f"{table.origin} cannot be learned from:", found.errors)
    return list(found.warnings)


def compute_features(
    items: Sequence[Item],
    backbone: ConvertedBackbone,
    modality: Modality,
    stages: Sequence[str],
    *,
    device: str,
    progress: Progress,
    watch: Stopwatch,
    trial: Sequence[TrialRow] | None = None,
    digests: Digests | None = None,
) -> tuple[Choice, Extraction]:
    """The features of some stages for some items, by the fastest path that is admitted on them.

    ``trial`` says how fast each engine is, ``digests`` what the items are, where that is known already.
    """
    with watch.step("hashing"):
        digests = digests or read_digests(items)
    with watch.step("engine trial and admission"):
        choice = choose_path(
            items,
            digests,
            backbone=backbone,
            modality=modality,
            stages=stages,
            trial=trial or engine_trial(backbone, device=device, progress=progress),
            progress=progress,
        )
    with watch.step("features"):
        source = FeatureSource(backbone.card, stages, choice.spec, engine_starter(choice, backbone, stages))
        extraction = extract(items, digests, modality=modality, source=source, progress=progress)
    return replace(choice, running=None), extraction  # the engine's memory is wanted for other things now


def engine_starter(choice: Choice, backbone: ConvertedBackbone, stages: Sequence[str]) -> Callable[[], Engine]:
    """Starts the chosen engine, or hands over the one that admission has left running."""
    return lambda: choice.running or start_engine(choice.spec, backbone, stages)
