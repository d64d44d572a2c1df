"""The one pass over the data: every item is read, decoded once, and everything wanted of it is computed and kept.

    file ──digest──► on the shelf already? ──yes──────────────────────────────► rows
                          │ no
                          └─► decode (threads) ─► engine (batches) ─► shelf ──► rows

What a pass brings for an item that has been seen before is read back, not computed: a tenth more items cost a tenth.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.card import BackboneCard
from headstart.core.errors import DataError, EngineError
from headstart.core.machine import cores, cpu_identity, version
from headstart.core.progress import Progress, Silent
from headstart.data.inspection import Inspection
from headstart.data.items import Item
from headstart.data.modality import Modality, Prepared
from headstart.features.engines.contract import Engine, EngineSpec
from headstart.features.store import Shelf, Table, evict

BATCH = 64
BLOCK = 8
COMMIT_ROWS = 4096
_INSPECTION_ROW = np.dtype(
    [("content", "u1", 32), ("near", "u8"), ("width", "i4"), ("height", "i4"), ("notes", "S200")]
)


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
            values.append(item.source.digest())
        except OSError as error:
            values.append("")
            failures[place] = error.strerror or str(error)
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
            "preprocess": asdict(card.preprocess),
            "rule": modality.rule(),
            "engine": engine.name,
            "precision": engine.precision,
            "device": engine.device,
            "transform": engine.transform,
            "library": f"{library} {version(library)}",
            "cpu": cpu_identity(),
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
    if _missing(shelves.all, digests.values, there):
        with ExitStack() as stack:
            # One order for all processes, so that two of them cannot wait for each other.
            for shelf in sorted(shelves.all, key=lambda shelf: shelf.folder):
                stack.enter_context(shelf.writing())
            todo = _missing(shelves.all, digests.values, there)
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
        features={stage: _opened(shelf, values) for stage, shelf in shelves.features.items()},
        plain=_opened(shelves.plain, values),
        inspections=tuple(map(_inspection, _opened(shelves.seen, values).take(slice(None)))),
        failures=failures,
        computed=computed,
        digests=values,
    )


@dataclass(frozen=True)
class _Shelves:
    """Where everything that a pass brings is kept."""

    features: Mapping[str, Shelf]
    seen: Shelf
    plain: Shelf

    @property
    def all(self) -> tuple[Shelf, ...]:
        return (*self.features.values(), self.seen, self.plain)


def _shelves(modality: Modality, source: FeatureSource | None) -> _Shelves:
    # Scaled decoding depends on how much the backbone needs, and with it what equal once decoded means.
    decoded = {"rule": modality.rule(), "for": asdict(source.card.preprocess) if source else None}
    features = (
        {stage: feature_shelf(source.card, stage, source.spec, modality) for stage in source.stages} if source else {}
    )
    return _Shelves(
        features,
        seen=Shelf({"kind": "inspection", **decoded}),
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
        shelves: _Shelves,
    ) -> None:
        self._items, self._digests, self._modality = items, digests, modality
        self._source, self._shelves = source, shelves
        self._engine: Engine | None = None
        self.computed = 0

    def run(self, todo: Sequence[int], progress: Progress) -> dict[int, str]:
        """Computes the items at the places ``todo`` and keeps them; returns what could not be decoded."""
        failures: dict[int, str] = {}
        for start in range(0, len(todo), COMMIT_ROWS):
            part = todo[start : start + COMMIT_ROWS]
            with ThreadPoolExecutor(max_workers=cores(), thread_name_prefix="decode") as pool:
                self._run_shard(part, pool, failures, progress)
        return failures

    def _run_shard(
        self, part: Sequence[int], pool: ThreadPoolExecutor, failures: dict[int, str], progress: Progress
    ) -> None:
        places: list[int] = []
        inspections: list[NDArray[np.void]] = []
        plain: list[NDArray[np.uint8]] = []
        features: dict[str, list[NDArray[np.float32]]] = {stage: [] for stage in self._shelves.features}
        needed = self._places_missing_features(part)
        for batch in self._decoded(part, pool, failures):
            wanted = [prepared.inputs for place, prepared in batch if place in needed]
            if wanted and self._source:
                for stage, rows in self._compute(self._source, np.stack(wanted)).items():
                    features[stage].append(rows)
            places += [place for place, _ in batch]
            inspections += [_inspection_row(prepared.inspection) for _, prepared in batch]
            plain += [prepared.plain for _, prepared in batch]
            progress.advance(len(batch))
        if places:
            self._keep(places, inspections, plain, {stage: rows for stage, rows in features.items() if rows}, needed)

    def _places_missing_features(self, part: Sequence[int]) -> set[int]:
        values = [self._digests.values[place] for place in part]
        return {part[index] for shelf in self._shelves.features.values() for index in shelf.missing(values)}

    def _decoded(
        self, part: Sequence[int], pool: ThreadPoolExecutor, failures: dict[int, str]
    ) -> Iterator[list[tuple[int, Prepared]]]:
        """Batches of decoded items; at most a few batches are ahead of the engine."""
        batch: list[tuple[int, Prepared]] = []
        for place, outcome in _in_order(pool, self._decode_block, part):
            if isinstance(outcome, Prepared):
                batch.append((place, outcome))
            else:
                failures[place] = outcome
            if len(batch) == BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def _decode_block(self, block: Sequence[int]) -> list[tuple[int, Prepared | str]]:
        return [(place, self._decode(self._items[place])) for place in block]

    def _decode(self, item: Item) -> Prepared | str:
        preprocess = self._source.card.preprocess if self._source else None
        try:
            content = item.source.read()
            prepared = self._modality.prepare(content, preprocess)
            if self._source and self._source.spec.transform == "source":
                return replace(prepared, inputs=self._modality.prepare_reference(content, preprocess))
            return prepared
        except (DataError, OSError) as error:
            return str(error)

    def _compute(self, source: FeatureSource, batch: NDArray[Any]) -> Mapping[str, NDArray[np.float32]]:
        if self._engine is None:
            self._engine = source.start()
            if self._engine.precision != source.spec.precision:
                raise EngineError(
                    f"Expected features from {source.spec}, but this processor computes in {self._engine.precision}."
                )
        self.computed += len(batch)
        rows = self._engine.compute(batch)
        for stage, values in rows.items():
            if not np.isfinite(values).all():
                raise EngineError(
                    f"Expected finite features, but stage {stage!r} of {source.card.name} gave NaN or infinity "
                    f"in {source.spec}; the weights do not suit this precision."
                )
        return rows

    def _keep(
        self,
        places: list[int],
        inspections: list[NDArray[np.void]],
        plain: list[NDArray[np.uint8]],
        features: Mapping[str, list[NDArray[np.float32]]],
        needed: set[int],
    ) -> None:
        values = [self._digests.values[place] for place in places]
        for shelf, rows in ((self._shelves.seen, inspections), (self._shelves.plain, plain)):
            new = shelf.missing(values)
            if new:
                shelf.add([values[place] for place in new], np.stack([rows[place] for place in new]))
        computed = [digest for place, digest in zip(places, values, strict=True) if place in needed]
        for stage, batches in features.items():
            self._shelves.features[stage].add(computed, _compact(np.concatenate(batches)))


def _in_order(
    pool: ThreadPoolExecutor,
    work: Callable[[Sequence[int]], list[tuple[int, Prepared | str]]],
    places: Sequence[int],
) -> Iterator[tuple[int, Prepared | str]]:
    """Runs ``work`` over blocks of places in threads, in order, with a bounded number of results waiting."""
    waiting: deque[Future[list[tuple[int, Prepared | str]]]] = deque()
    for start in range(0, len(places), BLOCK):
        waiting.append(pool.submit(work, places[start : start + BLOCK]))
        if len(waiting) > 3 * BATCH // BLOCK:
            yield from waiting.popleft().result()
    while waiting:
        yield from waiting.popleft().result()


def _missing(shelves: Sequence[Shelf], digests: Sequence[str], there: Sequence[int]) -> list[int]:
    values = [digests[place] for place in there]
    return sorted({there[index] for shelf in shelves for index in shelf.missing(values)})


def _opened(shelf: Shelf, digests: Sequence[str]) -> Table:
    shelf.missing(digests)
    return shelf.table(digests)


def _compact(rows: NDArray[np.float32]) -> NDArray[np.floating]:
    """Half precision wherever the values fit into it."""
    return rows.astype(np.float16) if np.abs(rows).max(initial=0) < np.finfo(np.float16).max else rows


def _inspection_row(inspection: Inspection) -> NDArray[np.void]:
    row = np.zeros((), dtype=_INSPECTION_ROW)
    row["content"] = np.frombuffer(bytes.fromhex(inspection.content_digest), dtype=np.uint8)
    row["near"] = inspection.near_hash
    row["width"], row["height"] = inspection.size
    row["notes"] = "\n".join(inspection.notes).encode()
    return row


def _inspection(row: NDArray[np.void]) -> Inspection:
    notes = bytes(row["notes"]).decode(errors="ignore")
    return Inspection(
        content_digest=row["content"].tobytes().hex(),
        near_hash=int(row["near"]),
        size=(int(row["width"]), int(row["height"])),
        notes=tuple(notes.split("\n")) if notes else (),
    )
