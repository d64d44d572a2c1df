"""What machine this is, as far as it can change a number: the processor and the versions of libraries."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import platform
from pathlib import Path


@functools.cache
def cpu_identity() -> str:
    """The processor's model and a hash over its instruction sets: the same string means the same arithmetic."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    facts = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    facts = {key.strip(): value.strip() for key, value in facts.items()}
    flags = " ".join(sorted(facts.get("flags", facts.get("Features", "")).split()))
    model = facts.get("model name", platform.machine())
    return f"{model} {hashlib.sha256(flags.encode()).hexdigest()[:8]}"


@functools.cache
def gpu_identity() -> str:
    """The model of the first NVIDIA GPU as its driver names it; ``"none"`` where there is no driver."""
    for facts in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        for line in facts.read_text().splitlines():
            if line.startswith("Model:"):
                return line.removeprefix("Model:").strip()
    return "unknown" if has_cuda() else "none"


@functools.cache
def version(distribution: str) -> str:
    """The installed version of a distribution, without importing it; ``"absent"`` where it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def has_cuda() -> bool:
    """Whether an NVIDIA GPU's driver is present, found without importing torch."""
    return any(Path(place).exists() for place in ("/dev/nvidia0", "/dev/nvidiactl", "/dev/dxg"))


def training_device(asked: str) -> str:
    """Where torch trains: ``"cuda"`` where it is asked for, or wanted by ``"auto"`` and usable; else ``"cpu"``."""
    if asked != "auto" or not has_cuda():
        return "cuda" if asked == "cuda" else "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
