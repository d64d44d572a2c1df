"""The curve of accuracy by stage: intervals and differences over the same items, the best and the sufficient stage."""

import numpy as np
import pytest

from headstart.evaluation.intervals import rate
from headstart.evaluation.paired import paired_difference
from headstart.evaluation.stage_curve import best_stage, stage_curve

STAGES = ["stem", "middle", "late", "top"]


def right(share, count=200, seed=0):
    """So many items told right, always the same ones first."""
    found = np.zeros(count, bool)
    found[: round(share * count)] = True
    return found if seed == 0 else np.random.default_rng(seed).permutation(found)


def curve(pretrained, random=(0.2, 0.3, 0.25, 0.2), **given):
    return stage_curve(
        STAGES,
        pretrained=[right(share) for share in pretrained],
        random=[right(share) for share in random],
        plain=given.pop("plain", right(0.1)),
        plain_name="raw pixels",
        **given,
    )


def test_what_it_says_is_what_intervals_and_differences_say():
    found = curve([0.4, 0.6, 0.9, 0.8], half=right(0.85))
    assert [entry.stage for entry in found.stages] == STAGES
    assert found.stages[1].pretrained == rate(right(0.6))
    assert found.stages[1].random == rate(right(0.3))
    assert found.accuracy == rate(right(0.9))
    assert found.gain == paired_difference(right(0.9), right(0.3))
    assert found.beyond == paired_difference(right(0.9), right(0.8))
    assert found.doubling == paired_difference(right(0.9), right(0.85))


def test_the_best_and_the_first_that_is_as_good_as_can_be_told():
    found = curve([0.4, 0.6, 0.9, 0.8])
    assert (found.best, found.sufficient) == ("late", "late")
    found = curve([0.4, 0.895, 0.9, 0.9])
    assert (found.best, found.sufficient) == ("late", "middle")
    assert found.doubling is None
    assert best_stage([right(0.5), right(0.7), right(0.7)]) == 1


def test_the_opponent_is_the_strongest_without_pretraining():
    assert curve([0.4, 0.6, 0.9, 0.8]).opponent == "random weights at middle"
    assert curve([0.4, 0.6, 0.9, 0.8], plain=right(0.5)).opponent == "raw pixels"


def test_items_of_one_group_count_as_far_as_they_differ():
    groups = np.arange(200) // 20
    alone, together = curve([0.4, 0.6, 0.9, 0.8]), curve([0.4, 0.6, 0.9, 0.8], groups=groups)
    assert together.gain.value == pytest.approx(alone.gain.value)
    assert together.gain.high - together.gain.low > alone.gain.high - alone.gain.low
