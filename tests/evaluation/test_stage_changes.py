import json

import numpy as np
import pytest

from headstart.core.errors import UsageError
from headstart.evaluation.stage_changes import stage_changes, weight_distance
from headstart.metrics.cka import linear_cka


def tensors(seed: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {
        "weight": generator.normal(size=(3, 4)).astype(np.float32),
        "running_mean": generator.normal(size=3).astype(np.float16),
        "num_batches_tracked": np.array(seed),
    }


def test_distance_is_that_of_all_floating_tensors_laid_end_to_end() -> None:
    before, after = tensors(1), tensors(2)
    old, new = (
        np.concatenate([side["weight"].ravel(), side["running_mean"]]).astype(np.float64) for side in (before, after)
    )
    expected = np.linalg.norm(new - old) / np.linalg.norm(old)
    assert weight_distance(before, after) == pytest.approx(expected, rel=1e-12)
    larger = [{name: 8 * tensor for name, tensor in side.items()} for side in (before, after)]
    assert weight_distance(*larger) == pytest.approx(expected, rel=1e-12)


def test_what_did_not_move_is_exactly_zero_whatever_was_counted() -> None:
    assert weight_distance(tensors(1), {**tensors(1), "num_batches_tracked": np.array(9)}) == 0


@pytest.mark.parametrize("before", [{}, {"counter": np.array(3)}, {"w": np.zeros(3)}])
def test_without_weights_there_is_no_distance(before: dict[str, np.ndarray]) -> None:
    assert weight_distance(before, before) is None


def test_other_names_and_shapes_are_named() -> None:
    with pytest.raises(UsageError, match="bias, weight differ"):
        weight_distance({"weight": np.ones(3)}, {"weight": np.ones(4), "bias": np.ones(1)})


def test_each_stage_is_told_in_order() -> None:
    generator = np.random.default_rng(0)
    before = {name: generator.normal(size=(30, 4)) for name in ("stem", "pool", "top")}
    after = {**before, "top": before["top"] + generator.normal(size=(30, 4))}
    stem, pool, top = stage_changes(
        ["stem", "pool", "top"],
        trained={"top"},
        weights_before={"stem": tensors(1), "top": tensors(1)},
        weights_after={"stem": tensors(1), "top": tensors(2)},
        features_before={name: before[name] for name in ("stem", "top")},
        features_after=after,
    )
    assert (stem.name, stem.trained, stem.weight_distance) == ("stem", False, 0)
    assert stem.cka == pytest.approx(1)
    assert pool.to_json() == {"name": "pool", "trained": False, "weight_distance": None, "cka": None}
    assert top.trained and top.weight_distance == weight_distance(tensors(1), tensors(2))
    assert top.cka == linear_cka(before["top"], after["top"]) < 0.9
    assert json.loads(json.dumps(top.to_json(), allow_nan=False)) == top.to_json()
