"""The machine that the figures belong to; without it they mean nothing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

_LIBRARIES = ("numpy", "openvino", "pillow", "timm", "torch", "torchvision")
_TELLING_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_fp16")


def facts() -> dict[str, str]:
    """What decides how fast things go here, in words."""
    cpu = _cpu_info()
    return {
        "CPU": cpu.get("model name", platform.processor()),
        "cores": str(len(os.sched_getaffinity(0))),
        "CPU features": ", ".join(flag for flag in _TELLING_FLAGS if flag in cpu.get("flags", "").split()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in _LIBRARIES},
        "headstart": f"{importlib.metadata.version('headstart')} ({_commit()})",
    }


def _cpu_info() -> dict[str, str]:
    lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    pairs = (line.partition(":") for line in lines)
    return {key.strip(): value.strip() for key, _, value in pairs}


def _commit() -> str:
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return described.stdout.strip() or "not a git checkout"
