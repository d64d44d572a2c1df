import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.backbones.model_index.lines import Encoded, encode
from headstart.backbones.model_index.row import ModelRow, Weights

TEXT = st.sampled_from(["", "a", "b", "ä – b"])
ROWS = st.builds(
    ModelRow,
    name=st.sampled_from(["timm:a.one", "timm:a.two", "keras:B"]),
    takes=st.sampled_from(["image", "sound"]),
    licence=TEXT,
    pretraining=TEXT,
    paper=TEXT,
    parameters=st.integers(0, 3),
    flops=st.none() | st.integers(0, 3),
    input_size=st.sampled_from([0, 224]),
    cut=TEXT,
    uncut=TEXT,
    weights=st.builds(
        Weights,
        st.sampled_from(["package", "hub", "url", "none"]),
        st.sampled_from(["timm/a.one", "elsewhere/a"]),
        TEXT,
        TEXT,
        st.none() | st.integers(0, 3),
    ),
    imagenet_top1=st.none() | st.sampled_from([0.0, 75.5]),
    default=st.booleans(),
)


@given(st.lists(st.lists(ROWS, min_size=1, max_size=4), min_size=1, max_size=5))
def test_every_row_reads_back_as_it_was_written(groups: list[list[ModelRow]]) -> None:
    read = Encoded.open(encode("1.2.3", groups).decode())
    assert read.version == "1.2.3"
    assert list(read.rows()) == [row for group in groups for row in group]


def test_what_models_share_is_said_once() -> None:
    def row(name: str, licence: str) -> ModelRow:
        weights = Weights("hub", name.replace(":", "/"))
        return ModelRow(name, "image", licence, "ImageNet-1k", "A paper", 1, 2, 224, "conv:8 pool:8p", "", weights)

    text = encode("1", [[row("timm:a.one", "mit"), row("timm:a.two", "mit"), row("timm:a.three", "gemma")]]).decode()
    for said in ("A paper", "ImageNet-1k", "conv:8", '"hub"', '"mit"', '"gemma"'):
        assert text.count(said) == 1
    assert json.loads(text.splitlines()[1]) == {
        "models": [{"name": "timm:a.one"}, {"name": "timm:a.two"}, {"name": "timm:a.three", "licence": "gemma"}]
    }


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format":0}', "{}"])
def test_another_file_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        Encoded.open(text)
