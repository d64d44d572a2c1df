"""A saved run brought back to life: its backbone, its head, and the path by which it was judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.card import BackboneCard
from headstart.backbones.catalog import find_converted, open_backbone
from headstart.backbones.converted import ConvertedBackbone
from headstart.core.machine import cpu_identity, has_cuda
from headstart.core.progress import Progress, Silent
from headstart.core.run_folder import RunFolder
from headstart.data.columns import Columns
from headstart.data.items import ArraySource, Exclusion, Item
from headstart.data.modality import MODALITIES, Modality
from headstart.data.readers.unlabelled import read_unlabelled
from headstart.features.engines.contract import Engine, EngineSpec
from headstart.features.extraction import Digests, Extraction, FeatureSource, extract, read_digests
from headstart.features.trial import reference_spec, start_engine
from headstart.transfer.heads import Head, read_head


@dataclass(frozen=True)
class Answer:
    """Class probabilities for the items that could be read.

    Attributes:
        extraction: The pass over the items: which were readable, and what was wrong with the others.
        probabilities: ``(n, C)``, in the order of ``extraction.readable``.
    """

    extraction: Extraction
    probabilities: NDArray[np.float64]


class SavedModel:
    """The model of a run.

    Args:
        run: The opened run.
        progress: Who is told of a conversion, where one is needed.

    Attributes:
        run: The opened run.
        classes: Class names, in the order of the probabilities.
        notices: What somebody should know about how this machine answers.
    """

    def __init__(self, run: RunFolder, *, progress: Progress | None = None) -> None:
        self.run = run
        self.classes: tuple[str, ...] = tuple(run.manifest["classes"])
        self._progress = progress or Silent()

    @cached_property
    def modality(self) -> Modality:
        """What kind of items it answers for."""
        return MODALITIES[self.run.manifest["modality"]]

    @cached_property
    def backbone(self) -> ConvertedBackbone:
        """The converted backbone: the one on this machine, or made again from the run's own weights."""
        card = BackboneCard.from_json(dict(self.run.manifest["backbone"]))
        return find_converted(card) or open_backbone(
            f"run:{self.run.path}",
            allow_licenses=[card.licence],  # whoever made the run was asked
            progress=self._progress,
        )

    @cached_property
    def head(self) -> Head:
        """The classifier on top, from the run's verified weights."""
        return read_head(self.run.tensors(), self.run.manifest["strategy"])

    @cached_property
    def _path(self) -> tuple[EngineSpec, Engine]:
        """The path it was judged with where this machine has it, else the exact one."""
        judged = self._judged_with
        if judged.device == "cpu" or has_cuda():
            engine = start_engine(judged, self.backbone, self._stages)
            if engine.precision == judged.precision:
                return judged, engine
        spec = reference_spec()
        return spec, start_engine(spec, self.backbone, self._stages)

    @property
    def notices(self) -> tuple[str, ...]:
        """Where this machine answers by another path than the one whose figures stand in the run."""
        spec = self._path[0]
        judged = self._judged_with
        if spec != judged:
            return (
                f"This machine computes with {spec}; the run was judged with {judged}. Answers may differ slightly.",
            )
        if self.run.manifest["engine"]["cpu"] != cpu_identity():
            return (f"The run was judged with {judged} too, but on another processor. Answers may differ slightly.",)
        return ()

    def answer(self, items: Sequence[Item], *, progress: Progress | None = None) -> Answer:
        """Class probabilities for some items; what cannot be read is a failure in the answer, not an exception."""
        spec, engine = self._path
        source = FeatureSource(self.backbone.card, self._stages, spec, lambda: engine)
        extraction = extract(
            items, self.digests(items), modality=self.modality, source=source, progress=progress or self._progress
        )
        return Answer(extraction, self.head.probabilities(extraction.features[self._stages[0]]))

    def items_of(
        self, inputs: Sequence[str | Path | tuple[str, str] | NDArray[np.uint8]], columns: Columns | None
    ) -> tuple[list[Item], list[Exclusion]]:
        """The items that some inputs name or are, arrays last, and what is none.

        Args:
            inputs: Paths, patterns, arrays; where the model is one of texts also texts and pairs.
            columns: Columns of a table.
        """
        named = [entry for entry in inputs if not isinstance(entry, np.ndarray)]
        arrays = [entry for entry in inputs if isinstance(entry, np.ndarray)]
        found = self.modality.expand(read_unlabelled(named, wanted=self.modality, columns=columns))
        given = (Item(f"array {place}", ArraySource(array)) for place, array in enumerate(arrays))
        return [*found.items, *given], list(found.ledger.excluded)

    def digests(self, items: Sequence[Item]) -> Digests:
        """What some items are; one of another form than the run was trained on is a failure among them."""
        found, form, known = read_digests(items), self.modality.form, self.run.manifest.get("forms")
        if form is None or not known:
            return found
        forms = {place: form(item.source.read()) for place, item in enumerate(items) if place not in found.failures}
        strange = {
            place: f"the run was trained on {' and '.join(known)} per item, and this is {form}"
            for place, form in forms.items()
            if form not in known
        }
        return Digests(found.values, {**found.failures, **strange})

    @property
    def _judged_with(self) -> EngineSpec:
        engine: Mapping[str, Any] = self.run.manifest["engine"]
        return EngineSpec(engine["name"], engine["precision"], engine["device"], engine["transform"])

    @property
    def _stages(self) -> list[str]:
        return [self.backbone.card.top.name]
