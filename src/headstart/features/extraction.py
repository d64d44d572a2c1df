"""The one pass over the data: every item is read, decoded once, and everything wanted of it is computed and kept.

    file ──digest──► on the shelf already? ──yes──────────────────────────────► rows
                          │ no
                          └─► decode (threads) ─► engine (batches) ─► shelf ──► rows

What a pass brings for an item that has been seen before is read back, not computed: a tenth more items cost a tenth.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.card import BackboneCard
from headstart.backbones.converted import FORMAT
from headstart.backbones.preprocess import Preprocess, as_batch, preprocess_to_json
from headstart.core.errors import DataError
from headstart.core.machine import cores, cpu_identity, gpu_identity, version
from headstart.core.progress import Progress, Silent
from headstart.data.inspection import Inspection
from headstart.data.items import Item, content_digest
from headstart.data.modality import Modality, Prepared
from headstart.features.engines.checked import CheckedEngine
from headstart.features.engines.contract import Engine, EngineSpec
from headstart.features.pass_shelves import PassShelves, inspection_row, opened
from headstart.features.store import Shelf, Table, evict

BATCH = 64
BLOCK = 8
COMMIT_ROWS = 4096
Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class Digests:
    """The identity of every item that could be read.

    Attributes:
        values: SHA-256 per item, ``""`` where it could not be read.
        failures: Place in the table to what went wrong.
    """

    values: tuple[str, ...]
    failures: Mapping[int, str]


@dataclass(frozen=True)
class Extraction:
    """What one pass brought.

    Attributes:
        readable: Places in the item table of the items that could be decoded; everything below is in this order.
        features: Pooled features by stage, ``(n, dim)``.
        plain: What the plain baseline learns from, ``(n, P)``.
        inspections: What there is to know of each item without a model.
        failures: Place in the item table to what went wrong there.
        computed: How many items went through the engine; the others were on the shelf.
        digests: SHA-256 of each readable item's encoded content.
    """

    readable: NDArray[np.intp]
    features: Mapping[str, Table]
    plain: Table
    inspections: tuple[Inspection, ...]
    failures: Mapping[int, str]
    computed: int
    digests: tuple[str, ...]


def read_digests(items: Sequence[Item]) -> Digests:
    """Hashes the content of every item; an item that cannot be read is a failure, not an exception."""
    values, failures = [], {}
    for place, item in enumerate(items):
        try:
            values.append(content_digest(item.source.read()))
        except (DataError, OSError) as error:
            values.append("")
            failures[place] = getattr(error, "strerror", None) or str(error)
    return Digests(tuple(values), failures)


def feature_shelf(card: BackboneCard, stage: str, engine: EngineSpec, modality: Modality) -> Shelf:
    """Where the features of one stage by one engine are kept."""
    library = "openvino" if engine.name == "openvino" else "torch"
    return Shelf(
        {
            "kind": "features",
            "backbone": card.name,
            "weights": card.sha256,
            "stage": stage,
            "preprocess": preprocess_to_json(card.preprocess),
            "rule": modality.rule(),
            "engine": engine.name,
            "precision": engine.precision,
            "device": engine.device,
            "transform": engine.transform,
            "library": f"{library} {version(library)}",
            "conversion": FORMAT,
            "processor": gpu_identity() if engine.device == "cuda" else cpu_identity(),
        }
    )


@dataclass(frozen=True)
class FeatureSource:
    """Where features are to come from, all of them.

    Attributes:
        card: The backbone's card.
        stages: Names of the stages whose pooled features are wanted.
        spec: The path from file to feature.
        start: Starts its engine; called only when there is something to compute.
    """

    card: BackboneCard
    stages: Sequence[str]
    spec: EngineSpec
    start: Callable[[], Engine]


def checked_engine(source: FeatureSource) -> CheckedEngine:
    """The engine of a source, started when it is first needed."""
    return CheckedEngine(source.start, spec=source.spec, backbone=source.card.name)


def extract(
    items: Sequence[Item],
    digests: Digests,
    *,
    modality: Modality,
    source: FeatureSource | None,
    progress: Progress | None = None,
) -> Extraction:
    """Features, plain representations and inspections of all items, computed where they are not kept yet.

    Args:
        items: The items.
        digests: Their identities, from :func:`read_digests`.
        modality: How an item is decoded and prepared.
        source: Where features come from; ``None`` looks at the items without any model.
        progress: Who is told how far it is.

    Returns:
        The rows of all items that could be decoded.

    Raises:
        EngineError: The engine's effective precision is not the one asked for, or it produced NaN or infinity.
        StorageError: The cache could not be written.
    """
    progress = progress or Silent()
    shelves = _shelves(modality, source)
    there = [place for place in range(len(items)) if place not in digests.failures]
    failures = dict(digests.failures)
    computed = 0
    if todo := shelves.missing(digests.values, there):
        progress.start("features" if source else "decode", total=len(todo))
        pass_ = _Pass(items, digests, modality, source, shelves)
        failures |= pass_.run(todo, progress)
        computed = pass_.computed
        progress.finish(f"{len(todo)} new, {len(there) - len(todo)} kept from before")
        evict([shelf.folder for shelf in shelves.all])
    # The same content fails under whatever name it stands.
    broken = {digests.values[place]: reason for place, reason in failures.items() if digests.values[place]}
    failures |= {place: broken[digests.values[place]] for place in there if digests.values[place] in broken}
    readable = [place for place in there if place not in failures]
    values = tuple(digests.values[place] for place in readable)
    return Extraction(
        readable=np.array(readable, dtype=np.intp),
        features={stage: opened(shelf, values) for stage, shelf in shelves.features.items()},
        plain=opened(shelves.plain, values),
        inspections=shelves.inspections(values),
        failures=failures,
        computed=computed,
        digests=values,
    )


def _shelves(modality: Modality, source: FeatureSource | None) -> PassShelves:
    # Scaled decoding depends on how much the backbone needs, and with it what equal once decoded means.
    decoded = {"rule": modality.rule(), "for": preprocess_to_json(source.card.preprocess) if source else None}
    features = (
        {stage: feature_shelf(source.card, stage, source.spec, modality) for stage in source.stages} if source else {}
    )
    return PassShelves(
        features,
        seen=Shelf({"kind": "inspection", "row": 2, **decoded}),
        plain=Shelf({"kind": "plain", "what": modality.plain_name, **decoded}),
    )


class _Pass:
    """Decodes and computes what is missing, shard by shard."""

    def __init__(
        self,
        items: Sequence[Item],
        digests: Digests,
        modality: Modality,
        source: FeatureSource | None,
        shelves: PassShelves,
    ) -> None:
        self._items, self._digests, self._modality = items, digests, modality
        self._source, self._shelves = source, shelves
        self._engine = checked_engine(source) if source else None
        self.computed = 0

    def run(self, todo: Sequence[int], progress: Progress) -> dict[int, str]:
        """Computes the items at the places ``todo`` and keeps them; returns what could not be decoded."""
        failures: dict[int, str] = {}
        for start in range(0, len(todo), COMMIT_ROWS):
            part = todo[start : start + COMMIT_ROWS]
            with self._shelves.writing(), ThreadPoolExecutor(max_workers=cores()) as pool:
                # Another process may have been here while this one waited for its turn.
                still = self._shelves.missing(self._digests.values, part)
                progress.advance(len(part) - len(still))
                self._run_shard(still, pool, failures, progress)
        return failures

    def _run_shard(
        self, part: Sequence[int], pool: ThreadPoolExecutor, failures: dict[int, str], progress: Progress
    ) -> None:
        """One shard; whatever ends it early, what was computed until then is kept."""
        done: list[_Batch] = []
        needed = self._shelves.missing_features(self._digests.values, part)
        try:
            for batch in self._decoded(part, pool, failures):
                done.append(self._computed(batch, needed))
                progress.advance(len(batch))
        finally:
            if done:
                self._keep(done)

    def _computed(self, batch: Sequence[tuple[int, Prepared]], needed: set[int]) -> _Batch:
        """A decoded batch with the features that it lacks; the inputs themselves are let go."""
        lacking = [place for place, _ in batch if place in needed]
        features: Mapping[str, NDArray[np.float32]] = {}
        if lacking and self._engine:
            features = self._engine.compute(as_batch([prepared.inputs for place, prepared in batch if place in needed]))
            self.computed += len(lacking)
        return _Batch(
            places=[place for place, _ in batch],
            inspections=np.stack([inspection_row(prepared.inspection) for _, prepared in batch]),
            plain=np.stack([prepared.plain for _, prepared in batch]),
            lacking=lacking,
            features=features,
        )

    def _decoded(
        self, part: Sequence[int], pool: ThreadPoolExecutor, failures: dict[int, str]
    ) -> Iterator[list[tuple[int, Prepared]]]:
        """Batches of decoded items; at most a few batches are ahead of the engine, or a shard where lengths differ."""
        outcomes = in_order(pool, self._decode_block, part)
        ready = _good(outcomes, failures)
        return batched(ready, self._source.card.preprocess if self._source else None, length=_input_length)

    def _decode_block(self, block: Sequence[int]) -> list[tuple[int, Prepared | str]]:
        return [(place, self._decode(place)) for place in block]

    def _decode(self, place: int) -> Prepared | str:
        preprocess = self._source.card.preprocess if self._source else None
        try:
            content = self._items[place].source.read()
            if content_digest(content) != self._digests.values[place]:
                return "its content changed while it was read"
            prepared = self._modality.prepare(content, preprocess)
            if self._source and self._source.spec.transform == "source":
                return replace(prepared, inputs=self._modality.prepare_reference(content, preprocess))
            return prepared
        except (DataError, OSError) as error:
            return str(error)

    def _keep(self, done: Sequence[_Batch]) -> None:
        values = [self._digests.values[place] for batch in done for place in batch.places]
        inspections = np.concatenate([batch.inspections for batch in done])
        plain = np.concatenate([batch.plain for batch in done])
        for shelf, rows in ((self._shelves.seen, inspections), (self._shelves.plain, plain)):
            if new := shelf.missing(values):
                shelf.add([values[place] for place in new], rows[new])
        lacking = [self._digests.values[place] for batch in done for place in batch.lacking]
        for stage, shelf in self._shelves.features.items():
            if lacking:
                shelf.add(lacking, compact(np.concatenate([batch.features[stage] for batch in done if batch.lacking])))


def batched(
    ready: Iterable[tuple[int, Outcome]], preprocess: Preprocess | None, *, length: Callable[[Outcome], int]
) -> Iterator[list[tuple[int, Outcome]]]:
    """Batches of :data:`BATCH`, in order; where inputs differ in length, those of nearly one length together.

    Args:
        ready: Places with what stands there; where lengths differ all of them are gathered first.
        preprocess: How inputs are prepared; ``None`` where there are none.
        length: The length of an input.
    """
    if preprocess is not None and -1 in preprocess.axes:
        ready = sorted(ready, key=lambda entry: length(entry[1]))
    coming = iter(ready)
    while batch := list(islice(coming, BATCH)):
        yield batch


def _good(outcomes: Iterable[tuple[int, Prepared | str]], failures: dict[int, str]) -> Iterator[tuple[int, Prepared]]:
    """The prepared items among the outcomes; why the others could not be decoded goes to ``failures``."""
    for place, outcome in outcomes:
        if isinstance(outcome, Prepared):
            yield place, outcome
        else:
            failures[place] = outcome


def _input_length(prepared: Prepared) -> int:
    return len(prepared.inputs)


@dataclass(frozen=True)
class _Batch:
    """What came of some items, before it is kept.

    Attributes:
        places: Of the items in the table.
        inspections: ``(n,)``, a row each.
        plain: ``(n, P)``.
        lacking: Those of the places that had no features yet.
        features: Theirs, by stage.
    """

    places: list[int]
    inspections: NDArray[np.void]
    plain: NDArray[Any]
    lacking: list[int]
    features: Mapping[str, NDArray[np.float32]]


def in_order(
    pool: ThreadPoolExecutor, work: Callable[[Sequence[int]], list[Outcome]], places: Sequence[int]
) -> Iterator[Outcome]:
    """Runs ``work`` over blocks of places in threads, in order, with a bounded number of results waiting."""
    waiting: deque[Future[list[Outcome]]] = deque()
    for start in range(0, len(places), BLOCK):
        waiting.append(pool.submit(work, places[start : start + BLOCK]))
        if len(waiting) > 3 * BATCH // BLOCK:
            yield from waiting.popleft().result()
    while waiting:
        yield from waiting.popleft().result()


def compact(rows: NDArray[np.float32]) -> NDArray[np.floating]:
    """Half precision wherever the values fit into it."""
    return rows.astype(np.float16) if np.abs(rows).max(initial=0) < np.finfo(np.float16).max else rows
