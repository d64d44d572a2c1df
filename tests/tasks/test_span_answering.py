from dataclasses import asdict

import numpy as np
import pytest
from tests.tasks.token_texts import small_preprocess

from headstart.core.errors import DataError, UsageError
from headstart.data.items import Item
from headstart.data.questions import Answer, Question, question_of
from headstart.tasks.span_answering import ENDS, MOST_TOKENS, STARTS, SpanAnswering
from headstart.tasks.token_problem import IGNORED, TOKEN_PROBLEMS, TokenProblem
from headstart.tasks.word_overlap import likely_piece

CONTEXT = (
    "Bergen lies on the coast. The old wharf, Bryggen, burned down in 1702. Its houses were built again of wood, "
    "and trains have gone to Oslo since 1909; ships to Newcastle sailed until 2008."
)


def asked(question: str, *answers: str, context: str = CONTEXT) -> Item:
    found = tuple(Answer(context.index(answer), answer) for answer in answers)
    return Question(question, context, found).item(question)


BURNED = asked("When did Bryggen burn down?", "in 1702", "1702")
NEVER = asked("Who was the mayor?")


def spec(most_tokens: int = 200):  # type: ignore[no-untyped-def]
    return small_preprocess([CONTEXT, "When did Bryggen burn down? Who was the mayor?"], most_tokens=most_tokens)


def saying(targets: list[np.ndarray], by: float = 9.0) -> list[np.ndarray]:
    """Logits that name the beginning and end of the targets."""
    flags = [np.maximum(wanted, 0) for wanted in targets]
    return [by * np.stack([found & STARTS > 0, found & ENDS > 0], axis=1).astype(np.float32) for found in flags]


def test_it_keeps_the_contract() -> None:
    problem: TokenProblem = SpanAnswering.of([BURNED, NEVER])
    assert TOKEN_PROBLEMS["qa"] is SpanAnswering
    assert problem == SpanAnswering(True) == SpanAnswering.from_json(asdict(problem))
    assert SpanAnswering.of([BURNED]) == SpanAnswering(False)
    assert (problem.outputs, problem.classes, problem.metrics.leading) == (2, (), "exact_match")


@pytest.mark.parametrize("most_tokens", [200, 40])
@pytest.mark.parametrize("answer", ["Bergen", "in 1702", "2008", "Bryggen, burned", "2008.", " wood"])
def test_logits_that_say_the_targets_give_the_right_answer(answer: str, most_tokens: int) -> None:
    problem, item = SpanAnswering(), asked("When did it burn?", answer)
    windows = problem.windows(item, spec(most_tokens))
    assert (len(windows) > 1) == (most_tokens == 40)
    targets = problem.targets(item, windows)
    holding = [wanted for wanted in targets if wanted[0] == 0]
    assert holding
    for window, wanted in zip(windows, targets, strict=True):
        assert (wanted[1:] == IGNORED).tolist() == (~window.inside[1:]).tolist()
        assert np.maximum(wanted, 0).sum() == STARTS + ENDS
    assert problem.answer(item, windows, saying(targets)) == answer.strip()


def test_a_question_without_an_answer_points_to_the_first_token() -> None:
    item, problem = NEVER, SpanAnswering(True)
    windows = problem.windows(item, spec())
    targets = problem.targets(item, windows)
    assert [wanted[0] for wanted in targets] == [STARTS + ENDS]
    assert problem.answer(item, windows, saying(targets)) == ""
    assert SpanAnswering(False).answer(item, windows, saying(targets)) != ""
    assert problem.in_words(item, "") == "no answer"


def test_the_best_piece_is_that_of_a_search_over_all() -> None:
    problem, chance = SpanAnswering(), np.random.default_rng(0)
    windows = problem.windows(BURNED, spec(40))
    for _ in range(20):
        logits = [chance.normal(size=(len(window.tokens), 2)).astype(np.float32) for window in windows]
        pieces = [
            (float(found[first, 0] + found[last, 1]), window.spans[first, 0], window.spans[last, 1])
            for window, found in zip(windows, logits, strict=True)
            for first in np.flatnonzero(window.inside)
            for last in np.flatnonzero(window.inside)
            if first <= last < first + MOST_TOKENS
        ]
        _, start, end = max(pieces)
        assert problem.answer(BURNED, windows, logits) == CONTEXT[start:end]


def test_summands_and_metrics_are_means_over_questions() -> None:
    problem, items = SpanAnswering(True), [BURNED, BURNED, NEVER, NEVER]
    answers = ["1702", "down in 1702", "", "x"]
    table = np.array([problem.summands(item, answer) for item, answer in zip(items, answers, strict=True)])
    totals, formulas = table.sum(axis=0), problem.metrics.formulas
    assert problem.metrics.happened("exact_match", table).tolist() == [True, False, True, False]
    assert float(formulas["f1"](totals)) == pytest.approx((1 + 0.8 + 1 + 0) / 4)
    assert float(formulas["exact_match_answerable"](totals)) == 0.5
    assert float(formulas["f1_answerable"](totals)) == pytest.approx(0.9)
    assert float(formulas["exact_match_unanswerable"](totals)) == 0.5
    assert set(SpanAnswering().metrics.names) == {"exact_match", "f1"}


def test_very_long_questions_are_noted() -> None:
    long = asked("When? " * 40, "1702")
    assert SpanAnswering().notes([long, BURNED], spec(60)) == ["Of 1 very long questions the end was cut away."]
    assert SpanAnswering().notes([BURNED], spec(60)) == []


def test_chance_is_the_logarithm_of_the_places() -> None:
    targets = [np.array([0, IGNORED, 0, 3]), np.array([3, 0, 0, 0, 0, 0, IGNORED])]
    assert SpanAnswering().chance(targets) == pytest.approx((np.log(3) + np.log(6)) / 2)


def test_the_plain_model_answers_with_words_beside_those_of_the_question() -> None:
    plain = SpanAnswering().plain([BURNED, asked("Where?", "on the coast")])
    assert plain.answer(BURNED) in CONTEXT
    assert likely_piece(question_of(asked("In when was the old wharf Bryggen burned down?")), 1) == "1702"
    assert likely_piece(Question("Why?", "Rain", None), 3) == "Rain"


def test_what_people_type() -> None:
    problem = SpanAnswering()
    for text in ("Who sings? Anna sings.", "Who sings?\nAnna sings.", "Who sings?\x1eAnna sings."):
        assert question_of(problem.unlabelled(text)) == Question("Who sings?", "Anna sings.")
    assert problem.text(problem.unlabelled("Who sings? Anna sings.")) == "Who sings?\nAnna sings."
    with pytest.raises(UsageError, match="the text that answers it"):
        problem.unlabelled("Who sings?")


def test_questions_of_which_none_has_an_answer_are_refused() -> None:
    with pytest.raises(DataError, match="none has one"):
        SpanAnswering.of([NEVER])
