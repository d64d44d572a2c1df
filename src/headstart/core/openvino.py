"""The one place that imports OpenVINO, keeps it silent, and keeps it.

Importing ``openvino`` sends a telemetry event and writes an identifier into the home folder, unless its
telemetry package cannot be imported. OpenVINO decides this once, at its own import, and keeps a stub from
then on.
"""

from __future__ import annotations

import importlib
import sys
import threading
from types import ModuleType
from typing import Any

_TELEMETRY = "openvino_telemetry"
#: A module that another thread is still importing is in ``sys.modules`` already, and half there.
_IMPORTING = threading.Lock()
_STARTING = threading.Lock()
_CORES: list[Any] = []


def openvino() -> ModuleType:
    """The ``openvino`` module, imported without its telemetry; ``sys.modules`` is otherwise left as it was.

    Where somebody else imported OpenVINO before, that module is returned as it is.

    Example:
        >>> openvino().__name__
        'openvino'
    """
    with _IMPORTING:
        return sys.modules.get("openvino") or _import_silently()


def openvino_core() -> Any:
    """The one ``openvino.Core`` of this process; it is never let go.

    OpenVINO's CPU plugin gives the thread that starts it a signal stack of its own, and unmaps that memory together
    with itself when its last user lets go, in whatever thread that happens. Were it another thread, the first one would
    take its next signal, such as Ctrl-C, on memory that is gone, and the process would die of a segmentation fault.
    """
    with _STARTING:
        if not _CORES:
            _CORES.append(openvino().Core())
        return _CORES[0]


def _import_silently() -> ModuleType:
    absent = object()
    before = sys.modules.get(_TELEMETRY, absent)
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]
    try:
        module = importlib.import_module("openvino")
        importlib.import_module("openvino.tools.ovc.convert_impl")
        return module
    finally:
        if before is absent:
            del sys.modules[_TELEMETRY]
        else:
            sys.modules[_TELEMETRY] = before  # type: ignore[assignment]
