"""``headstart models``: instant, offline, one JSON object."""

import json
import subprocess
import sys

import pytest

HEAVY = {
    "numpy",
    "torch",
    "timm",
    "torchvision",
    "keras",
    "transformers",
    "huggingface_hub",
    "sklearn",
    "PIL",
    "openvino",
}


def headstart(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "headstart.cli.app", "models", *arguments], capture_output=True, text=True, check=False
    )


def test_a_pattern_lists_models_and_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom headstart.cli.app import main\n"
        "sys.argv = ['headstart', 'models', 'efficientnet_lite*', '--json']\n"
        "try:\n    main()\nexcept SystemExit as ending:\n    assert not ending.code\n"
        f"assert not {HEAVY} & set(sys.modules), {HEAVY} & set(sys.modules)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    listed = json.loads(ended.stdout)["models"]
    assert {model["name"] for model in listed} >= {"bundled:efficientnet_lite0", "bundled:efficientnet_lite1"}
    assert "bundled:efficientnet_lite0" in ended.stderr
    assert "●" in ended.stderr


def test_show_prints_the_card() -> None:
    ended = headstart("show", "bundled:efficientnet_lite0", "--json")
    card = json.loads(ended.stdout)
    assert card["weights"]["sha256"].startswith("57934424")
    assert card["stages"][-1] == {"name": "global_pool", "dim": 1280, "layout": "NC"}
    for text in ("Apache-2.0", "ImageNet-1k", "non-commercial research", "3,371,008", "On this machine", "NCHW"):
        assert text in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "bundled:efficientnet_lite9"), "did you mean 'bundled:efficientnet_lite"),
        (("show", "resnet18"), "did you mean 'timm:resnet18' or 'torchvision:resnet18'?"),
        (("show",), "a model's name after show"),
        (("one", "two"), "one pattern"),
        (("--max-params", "many"), "500k, 10M or 1.5B"),
    ],
)
def test_what_cannot_be_meant_is_one_message(arguments: tuple[str, ...], said: str) -> None:
    ended = headstart(*arguments)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr


def test_filters_narrow_the_list() -> None:
    arguments = (
        "--source",
        "bundled",
        "--max-params",
        "4M",
        "--licence",
        "permissive",
        "--input-size",
        "224",
        "--json",
    )
    (model,) = json.loads(headstart(*arguments).stdout)["models"]
    assert model["name"] == "bundled:efficientnet_lite0"
    assert model["permissive"] is True
