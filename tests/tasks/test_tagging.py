import random
from dataclasses import asdict

import numpy as np
import pytest
from tests.tasks.token_texts import small_preprocess

from headstart.core.errors import DataError, UsageError
from headstart.data.items import Item
from headstart.data.sentences import Sentence, sentence_of
from headstart.tasks.tagging import Tagging
from headstart.tasks.token_problem import IGNORED, TOKEN_PROBLEMS, TokenProblem
from headstart.tasks.word_places import word_places

WORDS = ["Anna", "lives", "in", "Zürich", "(CH)", "extraordinarily", "unhurriedly", ".", "\u200b", "e-mail", "#", "ﬁn"]


def tagged(*pairs: str) -> Item:
    words, tags = zip(*(pair.rsplit("/", 1) for pair in pairs), strict=True)
    return Sentence(words, tags).item(" ".join(words))


TRAIN = [tagged("Anna/B-per", "lives/O", "in/O", "Zürich/B-loc", "./O"), tagged("Anna/B-per", "Li/I-per", "./O")]


def drawn(count: int) -> Sentence:
    chance = random.Random(count)
    words = tuple(chance.choices(WORDS, k=count))
    return Sentence(words, tuple(chance.choices(["O", "B-x", "I-x"], k=count)))


def test_it_keeps_the_contract() -> None:
    problem: TokenProblem = Tagging.of(TRAIN)
    assert TOKEN_PROBLEMS["tokens"] is Tagging
    assert problem == Tagging(("O", "B-loc", "B-per", "I-per")) == Tagging.from_json(asdict(problem))
    assert (problem.outputs, problem.classes, problem.metrics.leading) == (4, ("loc", "per"), "entity_f1")
    assert problem.does == "marks 2 kinds of entities in sentences (loc, per)"


@pytest.mark.parametrize("most_tokens", [200, 24, 12])
def test_every_word_with_a_token_is_asked_about_once_at_its_first_token(most_tokens: int) -> None:
    spec = small_preprocess([" ".join(WORDS)], most_tokens=most_tokens, vocabulary=60)
    problem = Tagging(("O", "B-x", "I-x"))
    for count in (1, 5, 40):
        sentence = drawn(count)
        windows = problem.windows(sentence.item("it"), spec)
        places = word_places(sentence, windows)
        asked = [int(word) for words in places for word in words if word >= 0]
        assert sorted(asked) == [place for place, word in enumerate(sentence.words) if word != "\u200b"]
        for window, words in zip(windows, places, strict=True):
            for place in np.flatnonzero(words >= 0):
                assert window.spans[place, 0] == sentence.spans[words[place]][0]


@pytest.mark.parametrize("most_tokens", [200, 24])
def test_logits_that_say_the_targets_give_the_right_answer(most_tokens: int) -> None:
    spec = small_preprocess([" ".join(WORDS)], most_tokens=most_tokens, vocabulary=60)
    problem, sentence = Tagging(("O", "B-x", "I-x")), drawn(30)
    sentence = Sentence(tuple(word if word != "\u200b" else "in" for word in sentence.words), sentence.tags)
    item = sentence.item("it")
    windows = problem.windows(item, spec)
    targets = problem.targets(item, windows)
    assert sum((wanted != IGNORED).sum() for wanted in targets) == 30
    logits = [np.random.default_rng(0).normal(size=(len(wanted), 3)).astype(np.float32) for wanted in targets]
    for scores, wanted in zip(logits, targets, strict=True):
        scores[np.flatnonzero(wanted != IGNORED), wanted[wanted != IGNORED]] += 10
    answer = problem.answer(item, windows, logits)
    assert answer == problem.right_answer(item)
    right, predicted, there, words_right, words = problem.summands(item, answer)
    assert right == predicted == there > 0
    assert words_right == words == 30


def test_a_tag_that_training_does_not_know_is_not_learned_and_counts_as_missed() -> None:
    spec, problem = small_preprocess([" ".join(WORDS)]), Tagging(("O", "B-x"))
    item = tagged("Anna/B-y", "lives/O")
    (wanted,) = problem.targets(item, problem.windows(item, spec))
    assert sorted(wanted[wanted != IGNORED].tolist()) == [0]
    assert problem.summands(item, ["B-x", "O"]) == (0, 1, 1, 1, 2)


def test_words_in_which_the_tokenizer_finds_nothing_are_noted() -> None:
    spec, problem = small_preprocess([" ".join(WORDS)]), Tagging(("O", "B-x"))
    items = [tagged("Anna/O", "\u200b/O", "in/O"), tagged("in/O")]
    assert problem.notes(items, spec) == [
        "In 1 of 4 words the tokenizer finds nothing: they are never answered but with O."
    ]
    assert problem.notes(items[1:], spec) == []


def test_the_plain_model_gives_each_word_its_most_frequent_tag() -> None:
    problem = Tagging.of(TRAIN)
    plain = problem.plain([*TRAIN, tagged("Anna/O", "in/B-loc", "in/B-loc")])
    assert plain.answer(tagged("Anna/O", "in/O", "Bergen/O")) == ["B-per", "B-loc", "O"]
    assert plain.detail == "of each of 6 words; O for others"


def test_tags_that_mark_no_entities_are_judged_word_by_word() -> None:
    items = [tagged("It/PRON", "rains/VERB"), tagged("Rain/NOUN", "falls/VERB")]
    problem = Tagging.of(items)
    assert (problem.metrics.leading, problem.classes) == ("token_accuracy", ("NOUN", "PRON", "VERB"))
    summands = np.array([problem.summands(item, ["NOUN", "VERB"]) for item in items], dtype=float)
    assert float(problem.metrics.formulas["token_accuracy"](summands.sum(axis=0))) == 0.75
    assert problem.in_words(items[0], ["NOUN", "VERB"]) == "It/NOUN rains/VERB"
    by_class = problem.per_class(items, [["NOUN", "VERB"], ["NOUN", "VERB"]])
    assert by_class["NOUN"].tolist() == [[0, 1, 0], [1, 1, 1]]


def test_counts_of_each_type_add_up_to_those_of_all() -> None:
    problem = Tagging(("O", "B-x", "I-x", "B-y"))
    chance = random.Random(0)
    items = [tagged(*(f"w/{tag}" for tag in chance.choices(problem.tags, k=9))) for _ in range(20)]
    answers = [chance.choices(problem.tags, k=9) for _ in items]
    together = sum(problem.per_class(items, answers).values())
    everything = np.array([problem.summands(item, answer)[:3] for item, answer in zip(items, answers, strict=True)])
    np.testing.assert_array_equal(together, everything)


def test_chance_is_the_entropy_of_the_tags() -> None:
    from scipy.stats import entropy

    targets = [np.array([IGNORED, 0, 0, 1]), np.array([0, IGNORED])]
    assert Tagging(("O", "B-x", "I-x")).chance(targets) == pytest.approx(entropy([0.75, 0.25]))


def test_what_people_type_and_read() -> None:
    problem = Tagging.of(TRAIN)
    item = problem.unlabelled(" Anna  Li lives in Bergen ")
    assert sentence_of(item).words == ("Anna", "Li", "lives", "in", "Bergen")
    assert problem.in_words(item, ["B-per", "I-per", "O", "O", "B-loc"]) == "per: Anna Li; loc: Bergen"
    assert problem.in_words(item, ["O"] * 5) == "no entity"
    assert problem.text(item) == "Anna Li lives in Bergen"
    with pytest.raises(UsageError, match="at least one word"):
        problem.unlabelled("  ")


def test_one_tag_alone_is_refused() -> None:
    with pytest.raises(DataError, match="at least two different tags"):
        Tagging.of([tagged("a/O")])
