"""Architectures of transformers in a line."""

import sys

import pytest

from headstart.backbones.transformers_architecture import (
    changed_settings,
    configuration,
    read_architecture,
    write_architecture,
)
from headstart.core.errors import UnavailableError, UsageError


@pytest.mark.parametrize(
    ("model_type", "settings"),
    [
        ("bert", {}),
        ("deberta-v2", {"hidden_size": 32, "pos_att_type": ["p2c", "c2p"]}),
        ("llama", {"rope_parameters": {"rope_theta": 1e4, "rope_type": "default"}, "pooling": "last", "bias": None}),
    ],
)
def test_what_was_written_is_read_again(model_type: str, settings: dict[str, object]) -> None:
    assert read_architecture(write_architecture(model_type, settings)) == (model_type, settings)


def test_only_what_differs_from_the_default_is_written() -> None:
    config = configuration("bert", {"vocab_size": 90, "hidden_size": 768, "use_cache": False})
    assert changed_settings(config, idle=["use_cache"]) == {"vocab_size": 90}


def test_settings_that_the_library_reads_without_knowing_them_are_written_where_they_are_there() -> None:
    names = ["position_buckets", "conv_kernel_size"]
    config = configuration("deberta-v2", {"position_buckets": 8})
    assert changed_settings(config, idle=[], besides=names) == {"position_buckets": 8}
    assert changed_settings(config, idle=[]) == {}


def test_settings_that_would_fetch_code_are_left_out() -> None:
    config = configuration(
        "bert", {"attn_implementation": "somebody/kernel", "_attn_implementation": "somebody/kernel"}
    )
    assert "somebody/kernel" not in repr(config.to_dict())
    assert config._attn_implementation != "somebody/kernel"


@pytest.mark.parametrize("text", ["deberta-v2(x=__import__('os'))", "a-b-c(", "(x=1)", "", "a b()"])
def test_what_is_no_architecture_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="type\\(setting=value"):
        read_architecture(text)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UnavailableError, match=r"pip install 'headstart\[hf\]'"):
        configuration("bert", {})
