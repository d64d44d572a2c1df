"""The rules from what was measured to what to do: each of them, at the place where it begins to hold."""

import numpy as np
import pytest

from headstart.evaluation.stage_curve import stage_curve
from headstart.evaluation.suitability import (
    ENOUGH_TO_TUNE,
    FAR,
    FEW_PER_CLASS,
    MANY,
    NEAR,
    Facts,
    advise,
    nearness,
)

STAGES = ["stem", "middle", "late", "top"]
ITEMS = 500


def right(share):
    return np.arange(ITEMS) < round(share * ITEMS)


def curve(pretrained=(0.3, 0.5, 0.8, 0.8), random=0.4, half=None):
    return stage_curve(
        STAGES,
        pretrained=[right(share) for share in pretrained],
        random=[right(random)] * 4,
        plain=right(0.2),
        plain_name="raw pixels",
        half=None if half is None else right(half),
    )


def facts(labelled=ENOUGH_TO_TUNE, *, smallest=None, shift=0.2, sampled=ITEMS):
    smallest = labelled // 2 if smallest is None else smallest
    return Facts({"a": labelled - smallest, "b": smallest}, sampled, shift, ("middle", "late", "top"))


def done(*given):
    return [(entry.do, entry.stage) for entry in advise(*given)]


def test_few_labels_leave_it_at_the_head():
    assert done(curve(), facts(ENOUGH_TO_TUNE - 1)) == [("probe", None)]
    assert done(curve(), facts(ENOUGH_TO_TUNE)) == [("partial", "late")]


def test_the_boundary_lies_below_the_first_stage_that_is_as_good_as_any():
    assert done(curve((0.3, 0.795, 0.8, 0.8)), facts()) == [("partial", "middle")]
    assert done(curve((0.795, 0.795, 0.8, 0.8)), facts()) == [("full", None)]


def test_far_data_have_something_for_every_stage():
    assert done(curve(), facts(shift=FAR)) == [("full", None)]
    assert done(curve(), facts(ENOUGH_TO_TUNE - 1, shift=FAR)) == [("probe", None)]
    assert done(curve(), facts(shift=None)) == [("partial", "late")]


def test_a_top_that_is_worse_than_what_lies_below_is_trained_even_with_few_labels():
    assert done(curve((0.3, 0.5, 0.8, 0.7)), facts(200)) == [("partial", "late")]


def test_nothing_is_trained_where_nearly_all_is_right():
    assert done(curve((0.3, 0.5, 0.98, 0.98)), facts()) == [("probe", None)]


@pytest.mark.parametrize(
    ("random", "labelled", "way"),
    [(0.8, 5000, "scratch"), (0.8, 500, "label more"), (0.9, 500, "scratch"), (0.9, 5000, "scratch")],
)
def test_without_a_gain_there_is_nothing_to_transfer(random, labelled, way):
    assert done(curve(random=random), facts(labelled))[0] == (way, None)


def test_what_is_easy_needs_no_pretraining():
    found = advise(curve((0.9, 0.98, 0.98, 0.98), random=0.98), facts(500))
    assert found[0].do == "scratch"
    assert "needs no pretraining" in " ".join(found[0].because)


def test_too_few_labels_come_first():
    assert done(curve(), facts(300, smallest=FEW_PER_CLASS - 1)) == [("label more", None), ("probe", None)]
    assert done(curve(), facts(300, smallest=FEW_PER_CLASS)) == [("probe", None)]
    found = advise(curve(random=0.8), facts(300, smallest=1))
    assert [entry.do for entry in found] == ["label more"]
    assert len(found[0].because) == 3  # the scarce class, the gain, and that it cannot be shown


def test_labels_that_still_help_are_asked_for_unless_the_sample_is_a_small_part():
    assert done(curve(half=0.7), facts(800)) == [("probe", None), ("label more", None)]
    assert done(curve(half=0.8), facts(800)) == [("probe", None)]
    assert done(curve(half=0.7), facts(2 * ITEMS + 1)) == [("partial", "late")]


def test_many_labels_may_do_without():
    assert done(curve(), facts(MANY)) == [("partial", "late"), ("scratch", None)]


def test_a_small_gain_may_be_closed():
    assert done(curve(random=0.71), facts()) == [("partial", "late"), ("scratch", None)]
    assert done(curve(random=0.69), facts()) == [("partial", "late")]


def test_every_sentence_ends_and_the_first_has_the_figures():
    for entry in advise(curve(half=0.7), facts(800)):
        assert all(sentence.endswith(".") or "; the next may" in sentence for sentence in entry.because)
    assert "80.0%" in advise(curve(), facts())[0].because[0]
    assert "random weights at stem 40.0%" in advise(curve(), facts())[0].because[0]


def test_distance_in_words():
    assert [nearness(shift) for shift in (NEAR - 0.01, NEAR, FAR - 0.01, FAR)] == [
        "near",
        "at some distance",
        "at some distance",
        "far",
    ]
