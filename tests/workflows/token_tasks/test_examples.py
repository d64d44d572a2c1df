import numpy as np
import pytest
from tests.tasks.token_texts import small_preprocess

from headstart.core.errors import DataError
from headstart.data.items import Item, ItemTable, Ledger
from headstart.data.questions import Answer, Question
from headstart.data.sentences import Sentence
from headstart.tasks.span_answering import SpanAnswering
from headstart.tasks.tagging import Tagging
from headstart.workflows.token_tasks.entering import TargetedWindows
from headstart.workflows.token_tasks.examples import in_splits, windows_of


def table(*items: Item) -> ItemTable:
    return ItemTable("t", "t", items, Ledger())


def sentence(name: str, words: str, split: str | None = None, tags: str = "O") -> Item:
    return Sentence(tuple(words.split()), tuple(tags for _ in words.split())).item(name, split=split)  # type: ignore[arg-type]


def test_what_also_stands_in_the_test_split_leaves_training() -> None:
    found = in_splits(
        table(
            sentence("a", "one two", "train"),
            sentence("b", "three", "train"),
            sentence("c", "one two", "test"),
            sentence("d", "four", "validation"),
        ),
        seed=0,
    )
    assert {item.id: item.split for item in found.items} == {"b": "train", "c": "test", "d": "validation"}
    assert found.ledger.counts() == {"duplicate": 1}
    assert all(item.label is not None for item in found.items)


def test_missing_splits_are_made_and_groups_stay_whole() -> None:
    items = [
        Question(f"q{number}?", f"text {number}", (Answer(0, "text"),)).item(str(number), group=f"g{number // 5}")
        for number in range(100)
    ]
    found = in_splits(table(*items), seed=0)
    splits: dict[str | None, set[str | None]] = {}
    for item in found.items:
        splits.setdefault(item.group, set()).add(item.split)
    assert all(len(of_group) == 1 for of_group in splits.values())
    counts = {split: sum(item.split == split for item in found.items) for split in ("train", "validation", "test")}
    assert counts == {"train": 65, "validation": 15, "test": 20}


def test_what_nobody_has_labelled_is_left_out() -> None:
    items = [sentence(str(number), f"w{number}") for number in range(30)]
    unlabelled = Sentence(("x",)).item("unlabelled")
    found = in_splits(table(*items, unlabelled), seed=0)
    assert len(found.items) == 30
    assert found.ledger.counts() == {"unlabelled": 1}


def test_a_split_of_which_nothing_is_left_is_refused() -> None:
    items = [sentence("a", "one", "train"), sentence("b", "two", "test"), sentence("c", "two", "validation")]
    with pytest.raises(DataError, match="Expected enough items for a validation split"):
        in_splits(table(*items), seed=0)


def test_questions_about_one_article_alone_are_refused() -> None:
    splits = {"train": "one", "validation": "two", "test": "three"}
    items = [
        Question(f"{split} {number}?", "text", (Answer(0, "text"),)).item(f"{split} {number}", group=group, split=split)  # type: ignore[arg-type]
        for split, group in splits.items()
        for number in range(3)
    ]
    with pytest.raises(DataError, match="Expected two groups or more to train on"):
        in_splits(table(*items), seed=0)


def test_windows_are_ordered_by_length_and_belong_to_their_items_in_order() -> None:
    texts = ["a b c d e f g h i j k l m n o p", "a b", "a b c d e f g h i j"]
    spec = small_preprocess(texts, most_tokens=9)
    items = [sentence(str(number), text) for number, text in enumerate(texts)]
    problem = Tagging(("O", "B-x"))
    windows = windows_of(problem, items, spec)
    lengths = [len(window.tokens) for window in windows.all]
    assert lengths == sorted(lengths)
    assert sorted(place for places in windows.of for place in places) == list(range(len(lengths)))
    for item, places in zip(items, windows.of, strict=True):
        for place, expected in zip(places, problem.windows(item, spec), strict=True):
            np.testing.assert_array_equal(windows.all[place].tokens, expected.tokens)
            np.testing.assert_array_equal(windows.items[place].source.read(), expected.tokens)
    targeted = TargetedWindows.of(problem, items, spec)
    assert [len(wanted) for wanted in targeted.targets] == lengths
    assert sum((wanted >= 0).sum() for wanted in targeted.targets) == sum(len(text.split()) for text in texts)


def test_a_question_without_its_answer_in_a_window_points_to_the_first_token() -> None:
    context = " ".join("abcdefghijklmnopqrstuvwxyz")
    item = Question("why", context, (Answer(0, "a"),)).item("q")
    targeted = TargetedWindows.of(SpanAnswering(), [item], small_preprocess([context, "why"], most_tokens=16))
    assert len(targeted.windows.of[0]) > 1
    first, *others = (targeted.targets[place] for place in targeted.windows.of[0])
    assert first[0] == 0
    assert all(wanted[0] > 0 for wanted in others)
