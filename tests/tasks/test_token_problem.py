"""What every registered task on tokens must offer, tried on a few items of its own."""

from dataclasses import asdict

import numpy as np
import pytest
from tests.tasks.token_texts import small_preprocess

from headstart.data.items import Item
from headstart.data.questions import Answer, Question
from headstart.data.sentences import Sentence
from headstart.tasks.contract import Task
from headstart.tasks.token_problem import IGNORED, TOKEN_PROBLEMS

WORDS = "Ada lived in London and wrote about engines"
ITEMS: dict[str, list[Item]] = {
    "tokens": [Sentence(tuple(WORDS.split()), ("B-x", "O", "O", "B-y", "O", "O", "O", "O")).item("1")],
    "qa": [Question("Where did Ada live?", WORDS, (Answer(13, "London"),)).item("1")],
}


def test_every_task_is_tried_here() -> None:
    assert set(ITEMS) == set(TOKEN_PROBLEMS)


@pytest.mark.parametrize("name", ITEMS)
def test_a_task_keeps_the_contract(name: str) -> None:
    items, spec = ITEMS[name], small_preprocess([WORDS, "Where did Ada live?"])
    problem = TOKEN_PROBLEMS[name].of(items)
    assert type(problem).from_json(asdict(problem)) == problem  # type: ignore[call-overload]
    (item,) = items
    windows = problem.windows(item, spec)
    targets = problem.targets(item, windows)
    assert [wanted.shape for wanted in targets] == [window.tokens.shape for window in windows]
    assert all((wanted == IGNORED).any() for wanted in targets)
    assert problem.chance(targets) > 0
    task: Task = problem.task()
    assert task.metrics[0] == problem.metrics.leading
    logits = [np.zeros((len(window.tokens), problem.outputs), np.float32) for window in windows]
    right, given = problem.right_answer(item), problem.answer(item, windows, logits)
    assert len(problem.summands(item, given)) == len(problem.metrics.columns)
    assert problem.how_wrong(item, right) == 0 < problem.how_wrong(item, given)
    assert problem.in_words(item, right) != problem.in_words(item, given)
    assert set(problem.per_class(items, [given])) == set(problem.classes)
    plain = problem.plain(items)
    assert problem.how_wrong(item, plain.answer(item)) >= 0
    assert problem.windows(problem.unlabelled(problem.example), spec)


@pytest.mark.parametrize("name", ITEMS)
def test_the_metrics_of_right_answers_are_full_marks(name: str) -> None:
    problem, items = TOKEN_PROBLEMS[name].of(ITEMS[name]), ITEMS[name]
    rows = np.array([problem.summands(item, problem.right_answer(item)) for item in items], dtype=float)
    for metric in problem.metrics.names:
        if metric in problem.metrics.shares:
            assert problem.metrics.happened(metric, rows).all()
        else:
            assert float(problem.metrics.formulas[metric](rows.sum(axis=0))) == 1
