"""``extract``: features of any stages, written to Parquet for other tools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from headstart.backbones.card import BackboneCard
from headstart.core.errors import UnknownNameError, UnlabelledError
from headstart.core.files import write_atomic
from headstart.core.progress import Progress, Silent, Stopwatch
from headstart.data.items import ItemTable
from headstart.data.modality import Modality
from headstart.data.readers.unlabelled import read_unlabelled
from headstart.features.extraction import Extraction
from headstart.workflows.arrange import DataOptions
from headstart.workflows.gather import BackboneOptions, compute_features, open_named_backbone
from headstart.workflows.recognised import modality_of, read_items, recognised

_ROWS = 8192


def extract_features(
    data: DataOptions,
    backbone: BackboneOptions,
    out: Path,
    *,
    stages: Sequence[str] = (),
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Writes pooled features of some stages, a row per readable item.

    Columns are ``id``, ``label``, ``split`` (as the data's owner gave them, else null) and for each stage a list of
    float32 under the stage's name.

    Args:
        data: Which data; a folder of files without labels will do.
        backbone: Which backbone.
        out: The Parquet file.
        stages: Names of stages; none for the top.
        progress: Who is told how far it is.

    Returns:
        What was written, as plain JSON values.

    Raises:
        UnknownNameError: A stage that the backbone does not have.
        StorageError: The disk refuses; an old file at ``out`` is untouched.
    """
    progress, watch = progress or Silent(), Stopwatch()
    data = recognised(data)
    modality = modality_of(data)
    table = _read(data, modality)
    converted = open_named_backbone(backbone, modality, progress=progress, watch=watch)
    wanted = _known_stages(converted.card, stages)
    choice, extraction = compute_features(
        table.items, converted, modality, wanted, device=backbone.device, progress=progress, watch=watch
    )
    for place, reason in extraction.failures.items():
        table.ledger.leave_out(table.items[place], "unreadable", reason)
    _write_parquet(out, table, extraction)
    return {
        "file": str(out),
        "rows": len(extraction.readable),
        "backbone": converted.card.name,
        "stages": {stage: rows.shape[1] for stage, rows in extraction.features.items()},
        "engine": str(choice.spec),
        "excluded": table.ledger.counts(),
    }


def _read(data: DataOptions, modality: Modality) -> ItemTable:
    """Labelled data where it is any, else the files below a folder."""
    try:
        return read_items(data.data, modality, data.columns)
    except UnlabelledError:
        return modality.expand(read_unlabelled([data.data], wanted=modality, columns=data.columns))


def _known_stages(card: BackboneCard, stages: Sequence[str]) -> list[str]:
    known = [stage.name for stage in card.stages]
    for stage in stages:
        if stage not in known:
            raise UnknownNameError(f"stage of {card.name}", stage, known)
    return [stage for stage in known if stage in stages] or [card.top.name]


def _write_parquet(out: Path, table: ItemTable, extraction: Extraction) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    items = [table.items[place] for place in extraction.readable]
    text = [(name, pa.string()) for name in ("id", "label", "split")]
    features = [(stage, pa.list_(pa.float32(), rows.shape[1])) for stage, rows in extraction.features.items()]
    schema = pa.schema([*text, *features])

    def write(stream: IO[bytes]) -> None:
        with pq.ParquetWriter(stream, schema) as writer:
            for start in range(0, len(items), _ROWS):
                some = slice(start, start + _ROWS)
                columns = [[getattr(item, name) for item in items[some]] for name, _ in text]
                for rows in extraction.features.values():
                    values = rows.take(some).astype(np.float32).reshape(-1)
                    columns.append(pa.FixedSizeListArray.from_arrays(pa.array(values), rows.shape[1]))
                writer.write_table(pa.table(columns, schema=schema))

    write_atomic(out, write)
