from hypothesis import given
from hypothesis import strategies as st

from headstart.backbones.card import Stage
from headstart.backbones.model_index.row import parse_stages, write_stages

NAMES = st.from_regex(r"[a-z]{1,6}(\.[a-z]{1,3})?(\.?[0-9]{1,2})?", fullmatch=True)
STAGES = st.lists(
    st.builds(Stage, NAMES, st.integers(1, 9999), st.sampled_from(["NCHW", "NHWC", "NLC", "NC"])), max_size=12
)


@given(STAGES)
def test_stages_read_back_as_they_were_written(stages: list[Stage]) -> None:
    assert parse_stages(write_stages(stages)) == tuple(stages)


def test_numbered_neighbours_of_one_shape_take_one_word() -> None:
    blocks = [Stage(f"blocks.{index}", 768, "NLC") for index in range(12)]
    assert write_stages([Stage("patch_embed", 768, "NLC"), *blocks, Stage("norm", 768, "NC")]) == (
        "patch_embed:768t blocks.0-11:768t norm:768p"
    )


def test_neighbours_of_other_shapes_stay_apart() -> None:
    stages = [Stage("blocks.0", 16, "NCHW"), Stage("blocks.1", 24, "NCHW"), Stage("blocks.2", 24, "NHWC")]
    assert write_stages(stages) == "blocks.0:16 blocks.1:24 blocks.2:24h"
