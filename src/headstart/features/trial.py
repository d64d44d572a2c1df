"""Which engine is fastest here: tried once per weights, processor and library versions, and kept.

A precision counts only as what the processor really computes in: a processor without f16 arithmetic answers a wish for
f16 with bf16 or f32, and such an answer is not tried twice.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path

from headstart.backbones.converted import ConvertedBackbone
from headstart.core.errors import UnavailableError
from headstart.core.files import write_json
from headstart.core.machine import cores, cpu_identity, gpu_identity, has_cuda, version
from headstart.core.progress import Progress, Silent
from headstart.features.engines.contract import Engine, EngineSpec, Form, Precision

BATCH = 16
LEAST_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One engine's result.

    Attributes:
        engine: The engine with its effective precision.
        inputs_per_second: Prepared inputs to pooled features; decoding is not in it.
    """

    engine: EngineSpec
    inputs_per_second: float


def start_engine(
    spec: EngineSpec, backbone: ConvertedBackbone, stages: Sequence[str], *, form: Form = "pooled"
) -> Engine:
    """Starts an engine for some stages of a backbone; only its own library is imported.

    Args:
        spec: Which engine.
        backbone: The converted backbone.
        stages: Names of the stages whose outputs are wanted; nothing above the last of them is computed.
        form: What is made of these outputs.
    """
    if spec.name == "openvino":
        from headstart.features.engines.openvino import OpenVinoEngine

        return OpenVinoEngine(backbone, stages, precision=spec.precision, form=form)
    from headstart.features.engines.torch import TorchEngine

    return TorchEngine(backbone, stages, precision=spec.precision, device=spec.device, form=form)


def reference_spec() -> EngineSpec:
    """The path that stands for the source model: their equality was checked when the model was converted."""
    return EngineSpec("openvino", "f32", transform="source")


def engine_trial(
    backbone: ConvertedBackbone, *, device: str = "auto", progress: Progress | None = None
) -> list[TrialRow]:
    """The engines of this machine for one backbone, the fastest first; measured once and then read back.

    Args:
        backbone: The converted backbone.
        device: ``"cpu"``, ``"cuda"`` or ``"auto"`` (a GPU too where there is one).
        progress: Who is told that a trial runs.
    """
    key: dict[str, object] = {
        "fields": [field.name for field in fields(TrialRow)],
        "weights": backbone.card.sha256,
        "cpu": cpu_identity(),
        "cores": cores(),
        "device": device,
        "gpu": gpu_identity(),
        "openvino": version("openvino"),
        "torch": version("torch"),
    }
    place = _place(backbone, key)
    if place.is_file():
        rows = json.loads(place.read_text())["rows"]
        return [TrialRow(EngineSpec(**row["engine"]), row["inputs_per_second"]) for row in rows]
    rows_tried = _try_all(backbone, device, progress or Silent())
    write_json(place, {"key": key, "rows": [asdict(row) for row in rows_tried]})
    return rows_tried


def _place(backbone: ConvertedBackbone, key: Mapping[str, object]) -> Path:
    import hashlib

    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    return backbone.folder / f"trial-{name}.json"


def _try_all(backbone: ConvertedBackbone, device: str, progress: Progress) -> list[TrialRow]:
    candidates = _candidates(device)
    progress.start("engine trial", total=len(candidates))
    rows: dict[EngineSpec, TrialRow] = {}
    for wanted in candidates:
        engine = start_engine(wanted, backbone, [backbone.card.top.name])
        spec = replace(wanted, precision=engine.precision)
        if spec not in rows:
            rows[spec] = TrialRow(spec, _inputs_per_second(engine, backbone))
        del engine  # two engines never compute at once, and an idle one costs memory
        progress.advance()
    order = sorted(rows.values(), key=lambda row: -row.inputs_per_second)
    progress.finish(f"{order[0].engine}: {order[0].inputs_per_second:.0f} per second")
    return order


def _candidates(device: str) -> list[EngineSpec]:
    precisions: tuple[Precision, ...] = ("f16", "bf16", "f32")
    found = [EngineSpec("openvino", precision) for precision in precisions]
    found.append(EngineSpec("torch", "f32"))
    if device == "cuda" or (device == "auto" and has_cuda()):
        import torch

        if torch.cuda.is_available():
            found += [EngineSpec("torch", precision, "cuda") for precision in ("bf16", "f32")]
    usable = [spec for spec in found if device in {"auto", spec.device}]
    if not usable:
        raise UnavailableError(
            "Expected a CUDA GPU for --device cuda, but torch finds none here; use --device cpu or auto."
        )
    return usable


def _inputs_per_second(engine: Engine, backbone: ConvertedBackbone) -> float:
    batch = backbone.card.preprocess.random_inputs(BATCH)
    engine.compute(batch)
    return BATCH / min(_seconds(partial(engine.compute, batch)) for _ in range(3))


def _seconds(work: Callable[[], object]) -> float:
    """Seconds per call, over at least :data:`LEAST_SECONDS` and two calls."""
    begun, calls = time.perf_counter(), 0
    while calls < 2 or time.perf_counter() - begun < LEAST_SECONDS:
        work()
        calls += 1
    return (time.perf_counter() - begun) / calls
