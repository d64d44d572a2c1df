"""What a boundary costs follows how long the inputs are that will be met."""

import pytest
from tests.tiny_texts import BLOCK, tiny_text_backbone
from tests.workflows.lengths import text_examples

from headstart.backbones.card import ImagePreprocess
from headstart.workflows.boundary_costs import Lengths, boundary_costs

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

#: By the engine, noise of 40 tokens takes 10 s: whatever else is timed here takes next to nothing.
SLOW = 0.1
AFTER = "encoder.layer.1"


@pytest.fixture(scope="module")
def backbone(shared_cache, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(shared_cache))
        yield tiny_text_backbone(tmp_path_factory.mktemp("models"))


def cost_of(backbone, lengths):
    return {cost.boundary: cost for cost in boundary_costs(text_examples(backbone, lengths, speed=SLOW), device="cpu")}


def engine_seconds(cost):
    return cost.below_seconds / cost.share_below


def test_long_texts_cost_more_than_the_noise_of_the_trial_and_short_ones_less(backbone):
    short, long = cost_of(backbone, [6] * 40)[AFTER], cost_of(backbone, [62] * 40)[AFTER]
    assert engine_seconds(short) == pytest.approx(10 * 8 / 40, rel=0.05)
    assert engine_seconds(long) == pytest.approx(10 * 64 / 40, rel=0.05)
    assert (short.row_bytes, long.row_bytes) == (8 * 32 * 2, 64 * 32 * 2)


def test_one_long_text_is_met_in_every_batch_but_kept_once(backbone):
    """In training it makes a whole batch long; where activations are kept, it is long alone."""
    cost = cost_of(backbone, [*[6] * 34, 62, *[6] * 5])[AFTER]
    assert cost.row_bytes < 2 * 8 * 32 * 2
    assert engine_seconds(cost) < 2 * 10 * 8 / 40


def test_inputs_of_one_shape_have_no_lengths():
    spec = ImagePreprocess(32, 1.0, "bilinear", (0, 0, 0), (1, 1, 1))
    assert Lengths.of(list(spec.random_inputs(3)), spec) == Lengths(1, 1, 1)


def test_every_boundary_is_there_the_highest_first(backbone):
    costs = cost_of(backbone, [6, 30] * 8)
    assert list(costs) == ["pool", "encoder.layer.2", AFTER, BLOCK, "bottom"]
    shares = [cost.share_below for cost in costs.values()]
    assert shares == sorted(shares, reverse=True)
