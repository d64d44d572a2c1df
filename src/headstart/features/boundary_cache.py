"""What lies below the boundary is computed once per item and view, kept, and trained from.

    item ──view──► prepared input ──frozen engine──► activations at the boundary ──► a shelf per view

View 0 is the item as it is; view *v* from 1 on is changed at random as its modality allows, by chance that follows from
the seed, *v* and the item's content alone. So a view of an item never depends on which other items there are, in which
order they came, or how often the work was interrupted.
"""

from __future__ import annotations

import functools
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.converted import ConvertedBackbone
from headstart.backbones.preprocess import as_batch
from headstart.core.errors import DataError
from headstart.core.files import locked
from headstart.core.home import cache_home, cache_limit
from headstart.core.machine import cores, version
from headstart.core.progress import Progress, Silent
from headstart.data.items import Content, Item, content_digest
from headstart.data.modality import Modality
from headstart.features.engines.contract import EngineSpec
from headstart.features.extraction import (
    BATCH,
    FeatureSource,
    batched,
    checked_engine,
    compact,
    feature_shelf,
    in_order,
)
from headstart.features.store import Shelf, Table, evict
from headstart.features.trial import start_engine

SHARD_BYTES = 64 * 1024**2
#: The share of the free disk that activations may take.
_DISK_SHARE = 0.8


class Stopped(Exception):  # noqa: N818 -- nothing went wrong: somebody asked for it
    """Somebody asked to stop; what was computed until then is kept."""


@dataclass(frozen=True)
class Views:
    """Which views of each item are trained on: the item as it is, and some changed at random.

    Attributes:
        count: Number of changed views.
        invariances: Names of the admitted ones among the modality's.
        seed: Of the views' chance.
    """

    count: int
    invariances: tuple[str, ...] = ()
    seed: int = 0

    @property
    def trained(self) -> range:
        """The numbers of the views that are trained on.

        View 0 is among them: on 2,550 CIFAR photos training on one changed view without it came to 76.7 % on
        validation, with it to 78 to 80 %.
        """
        return range(self.count + 1)


def never() -> bool:
    """Nobody asks to stop."""
    return False


def activation_source(backbone: ConvertedBackbone, spec: EngineSpec, stage: str) -> FeatureSource:
    """Where the whole activations of one stage come from; its engine is started once and then kept.

    Args:
        backbone: The converted backbone.
        spec: The admitted path.
        stage: The stage just below the boundary.
    """
    start = functools.cache(lambda: start_engine(spec, backbone, [stage], form="whole"))
    return FeatureSource(backbone.card, (stage,), spec, start)


def activation_shelf(view: int, views: Views, source: FeatureSource, modality: Modality) -> Shelf:
    """Where the activations of one view are kept."""
    (stage,) = source.stages
    about = {**feature_shelf(source.card, stage, source.spec, modality).about, "kind": "activations", "view": view}
    if view:
        about |= {"seed": views.seed, "invariances": sorted(views.invariances), "chance": f"numpy {version('numpy')}"}
    return Shelf(about)


def rounded(rows: NDArray[np.float32]) -> NDArray[np.floating]:
    """Rows ``(n, ...)`` as the cache keeps them: each in half precision where its own values fit.

    Whether a row is rounded depends on no other row, so that one computed alone equals one that was kept; where some
    row does not fit, the rounded ones are widened again.
    """
    return np.stack([compact(row) for row in rows])


@dataclass(frozen=True)
class ViewedItems:
    """One view of some items, made anew whenever it is asked for.

    Attributes:
        items: The items.
        digests: The SHA-256 that each one's content had.
        view: Number of the view; 0 is the item as it is.
        views: The seed and the admitted invariances.
        source: For which backbone, and by which path.
        modality: How an item is prepared.
    """

    items: Sequence[Item]
    digests: Sequence[str]
    view: int
    views: Views
    source: FeatureSource
    modality: Modality

    def prepare(self, place: int) -> NDArray[Any]:
        """The backbone's input for this view of one item.

        Raises:
            DataError: The item cannot be read or decoded any more, or has changed.
        """
        item, digest = self.items[place], self.digests[place]
        try:
            content = item.source.read()
            if content_digest(content) != digest:
                raise DataError("its content is not what it was")
            return self._inputs(content, digest)
        except (DataError, OSError) as error:
            raise DataError(f"{item.id}: {error}") from error

    def attempt(self, places: Sequence[int]) -> list[tuple[int, NDArray[Any] | str]]:
        """Each place with its input, or with what went wrong."""
        return [(place, self._prepared_or_reason(place)) for place in places]

    def _prepared_or_reason(self, place: int) -> NDArray[Any] | str:
        try:
            return self.prepare(place)
        except DataError as error:
            return str(error)

    def _inputs(self, content: Content, digest: str) -> NDArray[Any]:
        preprocess = self.source.card.preprocess
        if self.view:
            chance = np.random.default_rng((self.views.seed, self.view, int(digest, 16)))
            return self.modality.changed(content, preprocess, chance, self.views.invariances)
        if self.source.spec.transform == "source":
            return self.modality.prepare_reference(content, preprocess)
        return self.modality.prepare(content, preprocess).inputs


def activation_rows(
    items: Sequence[Item],
    digests: Sequence[str],
    *,
    view: int,
    views: Views,
    source: FeatureSource,
    modality: Modality,
    progress: Progress | None = None,
    stop: Callable[[], bool] = never,
) -> Table:
    """The activations at the boundary of one view of all items, computed where they are not kept yet.

    Args:
        items: The items.
        digests: SHA-256 of each one's content.
        view: Number of the view; 0 is the item as it is.
        views: All views that are in use: none of them is evicted while this one is filled.
        source: The frozen side, from :func:`activation_source`.
        modality: How an item is prepared.
        progress: Who is told how far it is.
        stop: Asked before each batch.

    Returns:
        A row per item, in order, channels last.

    Raises:
        DataError: Lists the items that cannot be decoded any more, or have changed.
        EngineError: The engine's effective precision is not the one asked for, or it produced NaN or infinity.
        StorageError: The cache could not be written.
        Stopped: ``stop`` said so.
    """
    shelf = activation_shelf(view, views, source, modality)
    if todo := shelf.missing(digests):
        viewed = ViewedItems(items, digests, view, views, source, modality)
        _Filling(viewed, shelf, progress or Silent(), stop).run(todo)
    return shelf.table(digests)


class _Filling:
    """Computes the missing rows of one shelf, shard by shard."""

    def __init__(self, viewed: ViewedItems, shelf: Shelf, progress: Progress, stop: Callable[[], bool]) -> None:
        self._viewed, self._shelf, self._progress, self._stop = viewed, shelf, progress, stop
        self._engine, (self._stage,) = checked_engine(viewed.source), viewed.source.stages
        self._shard_rows = BATCH  # until the first rows tell how large they are

    def run(self, todo: Sequence[int]) -> None:
        """Computes and keeps the rows of the items at the places ``todo``."""
        views, source, modality = self._viewed.views, self._viewed.source, self._viewed.modality
        in_use = [activation_shelf(number, views, source, modality).folder for number in range(views.count + 1)]
        self._progress.start(f"activations of view {self._viewed.view}", total=len(todo))
        pool = ThreadPoolExecutor(max_workers=cores())
        try:
            todo, start = self._longest_first(todo, pool), 0
            while start < len(todo):
                part = todo[start : start + self._shard_rows]
                start += len(part)
                self._run_shard(part, pool)
                evict(in_use)
        finally:
            pool.shutdown(cancel_futures=True)
        self._progress.finish(f"{len(todo)} new, {len(self._viewed.items) - len(todo)} kept from before")

    def _longest_first(self, todo: Sequence[int], pool: ThreadPoolExecutor) -> Sequence[int]:
        """Where inputs differ in length, those of nearly one length beside each other.

        So few shards are needed, each of which holds a file open as long as it is mapped. The longest come first,
        because a shard has as many rows as fitted into the one before.
        """
        if -1 not in self._viewed.source.card.preprocess.axes:
            return todo
        lengths = {}
        for place, outcome in in_order(pool, self._viewed.attempt, todo):
            if self._stop():
                raise Stopped
            lengths[place] = 0 if isinstance(outcome, str) else len(outcome)
        return sorted(todo, key=lambda place: -lengths[place])

    def _run_shard(self, part: Sequence[int], pool: ThreadPoolExecutor) -> None:
        """One shard; whatever ends it early, what was computed until then is kept."""
        digests = self._viewed.digests
        # Not shelf.writing(), which joins shards of few rows: here few rows may be many bytes.
        with locked(self._shelf.folder / "lock"):
            # Another process may have been here while this one waited for its turn.
            still = [part[index] for index in self._shelf.missing([digests[place] for place in part])]
            self._progress.advance(len(part) - len(still))
            done: list[tuple[list[int], NDArray[np.floating]]] = []
            problems: list[str] = []
            try:
                for batch in self._prepared(still, pool, problems):
                    if self._stop():
                        raise Stopped
                    done.append(self._computed(batch))
                    self._progress.advance(len(batch))
            finally:
                if done:
                    self._keep(done)
        if problems:
            raise DataError.from_problems("Expected the data to stay as they are, but items are gone:", problems)

    def _prepared(
        self, places: Sequence[int], pool: ThreadPoolExecutor, problems: list[str]
    ) -> Iterator[list[tuple[int, NDArray[Any]]]]:
        """Batches of inputs; at most a few batches are ahead of the engine, or a shard where lengths differ."""
        outcomes = in_order(pool, self._viewed.attempt, places)
        yield from batched(_good(outcomes, problems), self._viewed.source.card.preprocess, length=len)

    def _computed(self, batch: Sequence[tuple[int, NDArray[Any]]]) -> tuple[list[int], NDArray[np.floating]]:
        places, inputs = zip(*batch, strict=True)
        rows = rounded(self._engine.compute(as_batch(inputs))[self._stage])
        self._shard_rows = max(1, SHARD_BYTES // rows[0].nbytes)
        return list(places), rows

    def _keep(self, done: Sequence[tuple[list[int], NDArray[np.floating]]]) -> None:
        """Rows of one shape as one shard: where lengths differ, batches of one length."""
        by_shape: dict[tuple[int, ...], list[tuple[list[int], NDArray[np.floating]]]] = defaultdict(list)
        for places, rows in done:
            by_shape[rows.shape[1:]].append((places, rows))
        for alike in by_shape.values():
            digests = [self._viewed.digests[place] for places, _ in alike for place in places]
            self._shelf.add(digests, np.concatenate([rows for _, rows in alike]))


def _good(outcomes: Iterable[tuple[int, Any]], problems: list[str]) -> Iterator[tuple[int, NDArray[Any]]]:
    """The inputs among the outcomes; what went wrong with the others is added to ``problems``."""
    for place, outcome in outcomes:
        if isinstance(outcome, str):
            problems.append(outcome)
        else:
            yield place, outcome


def room_for(size: int) -> bool:
    """Whether that many bytes fit into the cache: its limit allows them, and a fifth of the free disk is left."""
    there = cache_home()
    while not there.exists():
        there = there.parent
    return size <= min(cache_limit(), _DISK_SHARE * shutil.disk_usage(there).free)
