"""Fault 3: safetensors with a huge header, overlaps, missing or unexpected keys, other shapes."""

import json
import struct
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tests.servers import TIMM_REPOSITORY, load_from_timm, own_hub

from headstart.backbones.conversion import open_source, state_arrays
from headstart.backbones.sources.contract import Request
from headstart.core.errors import WeightsError
from headstart.core.tensors import read_tensors


def entry(begin: Any, end: Any, shape: Any = (1,), dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def written(path: Path, header: Any, data: bytes, length: int | None = None) -> Path:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw) if length is None else length) + raw + data)
    return path


MALFORMED = {
    "overlap": ({"a": entry(0, 4), "b": entry(2, 6)}, bytes(6)),
    "the same bytes twice": ({"a": entry(0, 4), "b": entry(0, 4)}, bytes(4)),
    "a gap": ({"a": entry(0, 4), "b": entry(8, 12)}, bytes(12)),
    "bytes left over": ({"a": entry(0, 4)}, bytes(9)),
    "past the end": ({"a": entry(0, 8, (2,))}, bytes(4)),
    "a shape that does not fit": ({"a": entry(0, 4, (2,))}, bytes(4)),
    "an astronomic shape": ({"a": entry(0, 4, (2**62, 2**62))}, bytes(4)),
    "a negative shape": ({"a": entry(0, 4, (-1, -1))}, bytes(4)),
    "a fractional shape": ({"a": entry(0, 4, (1.0,))}, bytes(4)),
    "a true shape": ({"a": entry(0, 4, (True,))}, bytes(4)),
    "fractional bytes": ({"a": entry(0.0, 4.0)}, bytes(4)),
    "negative bytes": ({"a": entry(-4, 0)}, bytes(4)),
    "bytes as text": ({"a": entry("0", "4")}, bytes(4)),
    "an unknown dtype": ({"a": entry(0, 4, dtype="F24")}, bytes(4)),
    "a dtype that is a list": ({"a": entry(0, 4, dtype=["F32"])}, bytes(4)),
    "a shape that is a number": ({"a": entry(0, 4, 1)}, bytes(4)),
    "an entry that is a number": ({"a": 4}, bytes(4)),
    "an entry without offsets": ({"a": {"dtype": "F32", "shape": [1]}}, bytes(4)),
    "a header that is a list": ([1, 2], b""),
    "a header that is not JSON": (b"{" * 40, b""),
    "a header that is not text": (b"\xff\xfe" * 40, b""),
    "a header without end": (b"[" * 100_000, b""),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_header_is_refused(tmp_path: Path, case: str) -> None:
    path = written(tmp_path / "weights.safetensors", *MALFORMED[case])
    with pytest.raises(WeightsError, match=r"weights\.safetensors"):
        read_tensors(path)
    with pytest.raises(WeightsError, match=r"weights\.safetensors"):
        open_source(Request.parse(f"file:{path}", architecture="mobilenetv3_small_050"))


@pytest.mark.parametrize("length", [2**64 - 1, 2**63, 2**40, 1000, 1, 0])
def test_a_length_that_no_header_can_have_is_refused_in_bounded_memory(tmp_path: Path, length: int) -> None:
    path = written(tmp_path / "weights.safetensors", {"a": entry(0, 4)}, bytes(4), length)
    program = textwrap.dedent(f"""
        import resource
        resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
        from pathlib import Path
        from headstart.core.errors import WeightsError
        from headstart.core.tensors import read_tensors
        try:
            read_tensors(Path({str(path)!r}))
        except WeightsError as error:
            print(error)
    """)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "truncated or another format" in ended.stdout


def test_a_long_header_in_a_sparse_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(struct.pack("<Q", 2**36))
    with path.open("r+b") as stream:
        stream.truncate(2**37)
    with pytest.raises(WeightsError, match="another format"):
        read_tensors(path)


def test_names_and_shapes_are_listed_together(run_of_small_convnet: Path) -> None:
    path = run_of_small_convnet / "model.safetensors"
    tensors = load_file(path)
    del tensors["backbone.stage2.norm.bias"]
    tensors["backbone.stage9.bias"] = np.zeros(3, np.float32)
    tensors["backbone.stage1.norm.weight"] = np.zeros(5, np.float32)
    save_file(tensors, path)
    with pytest.raises(WeightsError) as refused:
        open_source(Request.parse(f"run:{run_of_small_convnet}"))
    assert "missing: stage2.norm.bias (64,)" in str(refused.value)
    assert "unexpected: stage9.bias (3,)" in str(refused.value)
    assert "shape of stage1.norm.weight: expected (32,), got (5,)" in str(refused.value)


def test_a_file_for_another_architecture_lists_what_differs(tmp_path: Path) -> None:
    backbone, _ = open_source(Request.parse("headstart:small_convnet.8", random_weights=True))
    path = tmp_path / "weights.safetensors"
    save_file(state_arrays(backbone.model), path)
    with pytest.raises(WeightsError) as refused:
        open_source(Request.parse(f"file:{path}", architecture="mobilenetv3_small_050"))
    assert "missing: conv_stem.weight (16, 3, 3, 3)" in str(refused.value)
    assert "more" in str(refused.value)


@pytest.mark.parametrize("case", ["overlap", "past the end", "an astronomic shape", "a header without end"])
def test_a_malformed_file_on_the_hub_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    content = written(tmp_path / "made", *MALFORMED[case]).read_bytes()
    with own_hub(tmp_path, monkeypatch) as hub:
        hub.commit(TIMM_REPOSITORY, model__safetensors=content)
        with pytest.raises(WeightsError, match=r"model\.safetensors"):
            load_from_timm()


def test_good_files_of_every_dtype_are_read(tmp_path: Path) -> None:
    """An independent writer's file, so that the checks above do not refuse what is right."""
    generator = np.random.default_rng(0)
    kinds = ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?"]
    tensors = {f"t{kind}": generator.integers(0, 2, (2, 3)).astype(kind) for kind in kinds}
    tensors |= {"empty": np.zeros((0, 4), np.float32), "scalar": np.array(3.0, np.float32)}
    path = tmp_path / "weights.safetensors"
    save_file(tensors, path, metadata={"made": "by hand"})
    found = read_tensors(path)
    assert found.keys() == tensors.keys()
    for name, values in tensors.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)
