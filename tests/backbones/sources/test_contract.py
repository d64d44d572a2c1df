"""What every registered source must do; a new source is tested by being registered."""

import subprocess
import sys

import pytest

from headstart.backbones.sources.contract import SOURCES, Provenance, Request
from headstart.core.errors import UsageError


@pytest.mark.parametrize("prefix", list(SOURCES))
def test_a_source_fits_the_contract_and_is_found_without_torch(prefix: str) -> None:
    program = (
        "import sys; from headstart.backbones.sources.contract import SOURCES\n"
        f"source = SOURCES[{prefix!r}]()\n"
        "assert all(callable(getattr(source, name)) for name in ('stamp', 'blueprint', 'load'))\n"
        "print(sorted({'torch', 'timm', 'openvino', 'huggingface_hub'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_a_name_is_split_at_its_first_colon() -> None:
    request = Request.parse("file:C:/weights.pth", architecture="resnet18")
    assert (request.prefix, request.name) == ("file", "C:/weights.pth")
    assert request.text == "file:C:/weights.pth"


def test_the_seed_counts_for_random_weights_alone() -> None:
    assert Request.parse("timm:resnet18", seed=3) == Request.parse("timm:resnet18")
    assert Request.parse("timm:resnet18", seed=3, random_weights=True).seed == 3


def test_a_name_without_a_colon_is_refused() -> None:
    with pytest.raises(UsageError, match="source:name"):
        Request.parse("resnet18")


def test_random_weights_say_so() -> None:
    assert Provenance.random(7).pretraining == "none (random weights)"
    assert "seed 7" in Provenance.random(7).source
