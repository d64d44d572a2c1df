"""``headstart rank`` from the shell, and its table."""

import json

import pytest
from tests.cli.test_verbs import headstart

from headstart.cli.rank import _headings, _left_aside, _row
from headstart.transfer.ranking import Standing
from headstart.workflows.rank_record import Candidate, Ranking


@pytest.fixture
def ranking():
    ranked = Candidate(
        "timm:one",
        "ranked",
        standings={"probe": Standing(0.9123, 1, 1, 2)},
        examples=500,
        parameters=3_400_000,
        items_per_second=641.3,
        seconds=2.5,
        imagenet_top1=75.14,
    )
    other = Candidate("timm:two", "ranked", standings={"probe": Standing(0.5, 2, 2, 2)}, examples=500, seconds=1.0)
    thinned = Candidate("timm:three", "thinned out", standings={"probe": Standing(0.3, 3, 3, 3)}, examples=200)
    failed = Candidate("timm:four", "not ranked", "Expected weights, but there are none; do this.")
    return Ranking("photos", "photo", 500, 5, ("probe", "leep"), (ranked, other, thinned, failed))


def test_a_row_holds_rank_scores_and_cost(ranking):
    assert _headings(ranking) == [
        "Rank", "Backbone", "linear probe", "LEEP", "ImageNet", "Parameters", "Photos/s", "Took",
    ]  # fmt: skip
    first, second = (_row(ranking, candidate) for candidate in ranking.ranked)
    assert first == ["1 (1 to 2)", "timm:one", "0.912", "n/a", "75.1 %", "3.4 M", "641", "2.50 s"]
    assert second == ["2", "timm:two", "0.500", "n/a", "–", "–", "–", "1.00 s"]


def test_what_is_not_in_the_table_is_named_below_it(ranking):
    thinned, failed = _left_aside(ranking)
    assert thinned == "Not among the better half on 200 examples: timm:three"
    assert failed == "Not ranked: timm:four: Expected weights, but there are none; do this."


def test_json_stands_alone_on_standard_output(shapes, shapes_run):
    name = f"run:{shapes_run}"
    done = headstart("rank", shapes, "--candidates", name, "--candidates", "nosuch:x", "--score", "knn", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["best"] == name
    assert [row["outcome"] for row in found["candidates"]] == ["ranked", "not ranked"]
    for words in ("Rank", "kNN", name, "Not ranked: nosuch:x", "headstart fit"):
        assert words in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--score", "prob"), "did you mean 'probe'"),
        (("--subset", "2"), "20 or more"),
        (("--candidates", "timm"), "Expected a backbone that can be ranked"),
    ],
)
def test_wrong_input_is_one_message_and_exit_2(shapes, arguments, words):
    done = headstart("rank", shapes, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_with_converted_candidates_no_heavy_library_is_imported(shapes, shapes_run):
    import subprocess
    import sys

    code = f"""
import sys
import headstart
headstart.rank({str(shapes)!r}, candidates=["run:{shapes_run}"], scores=["probe"])
heavy = {{"torch", "timm", "torchvision", "sklearn", "datasets", "scipy"}} & set(sys.modules)
sys.exit(f"imported {{heavy}}" if heavy else 0)
"""
    for _ in range(2):  # the first time it may have to be converted
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
