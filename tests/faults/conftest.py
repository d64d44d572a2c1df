"""Things to break."""

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import save_file

from headstart.backbones.conversion import open_source, state_arrays
from headstart.backbones.sources.contract import Request


@pytest.fixture
def run_of_small_convnet(tmp_path: Path) -> Path:
    """The backbone's part of an intact run folder."""
    backbone, card = open_source(Request.parse("headstart:small_convnet.8", random_weights=True))
    folder = tmp_path / "run"
    folder.mkdir()
    tensors = {f"backbone.{name}": values for name, values in state_arrays(backbone.model).items()}
    save_file(tensors, folder / "model.safetensors")
    manifest = {
        "backbone": card.to_json(), "trained_backbone": True, "data": {"name": "letters"}, "training_items": [],
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    open_source(Request.parse(f"run:{folder}"))
    return folder


#: Keys of a run's records whose values a clock, a path or what was computed before puts there.
_CLOCK = {"seconds", "created", "command", "run", "report", "features_computed"}


def without_clock(record: Any) -> Any:
    """A record without what differs between two runs of the same command that come to the same."""
    if isinstance(record, dict):
        return {key: without_clock(value) for key, value in record.items() if key not in _CLOCK}
    if isinstance(record, list):
        return [without_clock(value) for value in record]
    return record
