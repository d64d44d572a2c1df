import warnings

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from headstart.data.items import BytesSource, Item
from headstart.data.modality import PlainProblem
from headstart.data.texts import text_content
from headstart.evaluation import tfidf
from headstart.evaluation.tfidf import fit_tfidf

GOOD, BAD = ("lovely", "great", "charming", "fun"), ("dull", "boring", "bad", "tedious")


def reviews(count: int, *, seed: int = 0, noise: float = 0.1) -> tuple[list[str], np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, count)
    texts = []
    for label in labels:
        said = GOOD if (label == 1) != (generator.random() < noise) else BAD
        filler = generator.choice(["the", "film", "was", "story", "actor", "music"], 5)
        texts.append(" ".join([*filler, *generator.choice(said, 2)]))
    return texts, labels


def problem(texts, labels, *, train, classes=2, groups=None) -> PlainProblem:
    items = [Item(str(place), BytesSource(text.encode())) for place, text in enumerate(texts)]
    return PlainProblem(items, None, np.asarray(labels, dtype=np.int64), np.asarray(train), groups, classes, 0)


def test_it_is_logistic_regression_on_tfidf_at_the_strength_it_names():
    texts, labels = reviews(300)
    train, test = np.arange(200), np.arange(200, 300)

    model = fit_tfidf(problem(texts, labels, train=train))

    strength = float(model.detail.split("strength ")[1])
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+")
    terms = vectorizer.fit_transform(texts[:200])
    reference = LogisticRegression(C=1 / strength, max_iter=1000).fit(terms, labels[:200])
    probabilities = model.probabilities(test)
    assert model.converged
    assert model.name == "TF-IDF"
    assert f"{terms.shape[1]:,} words" in model.detail
    assert (probabilities.argmax(axis=1) == reference.predict(vectorizer.transform(texts[200:]))).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    # One temperature for all: logits are the reference's times a constant.
    ratio = np.log(probabilities[:, 1] / probabilities[:, 0]) / reference.decision_function(
        vectorizer.transform(texts[200:])
    )
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-6)


def test_labels_and_texts_outside_training_change_nothing():
    texts, labels = reviews(200)
    train, test = np.arange(120), np.arange(120, 200)
    before = fit_tfidf(problem(texts, labels, train=train)).probabilities(test[:1])

    spoiled = fit_tfidf(problem([*texts[:121], *["x y z"] * 79], np.r_[labels[:120], 1 - labels[120:]], train=train))

    np.testing.assert_array_equal(before, spoiled.probabilities(test[:1]))


def test_groups_are_not_divided_between_folds(monkeypatch):
    texts, labels = reviews(90)
    groups = [f"writer {place % 6}" for place in range(90)]
    asked = []
    original = tfidf.grouped_folds

    def watched(*args, **kwargs):
        asked.append(original(*args, **kwargs))
        return asked[-1]

    monkeypatch.setattr(tfidf, "grouped_folds", watched)
    fit_tfidf(problem(texts, labels, train=np.arange(90), groups=groups))

    folds = asked[0]
    assert all(len({folds[place] for place in range(90) if groups[place] == group}) == 1 for group in set(groups))


def test_noisier_texts_are_held_back_more():
    def strength(noise: float) -> float:
        texts, labels = reviews(300, noise=noise)
        return float(fit_tfidf(problem(texts, labels, train=np.arange(300))).detail.split("strength ")[1])

    assert strength(0.4) > strength(0.0)


def test_a_class_that_one_fold_lacks_and_pairs_and_chinese_work():
    texts = [text_content(*pair).decode() for pair in [("it rains", "it is wet"), ("it rains", "it is dry")] * 6]
    chinese = ["这部电影很好看", "这部电影不好看"] * 6
    labels = [0, 1] * 12
    labels[-1] = 2

    model = fit_tfidf(problem([*texts, *chinese], labels, train=np.arange(24), classes=3))

    probabilities = model.probabilities(np.arange(22))
    assert probabilities.shape == (22, 3)
    assert (probabilities.argmax(axis=1) == labels[:22]).mean() > 0.9


def test_texts_without_words_give_the_shares_of_the_classes():
    model = fit_tfidf(problem(["!!", "??", "..", "::"], [0, 1, 1, 1], train=np.arange(4)))
    np.testing.assert_allclose(model.probabilities(np.arange(2)), [[0.25, 0.75]] * 2)


def test_what_does_not_converge_says_so(monkeypatch):
    texts, labels = reviews(60)
    monkeypatch.setattr(tfidf, "_MOST_STEPS", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not fit_tfidf(problem(texts, labels, train=np.arange(60))).converged


def test_strength_is_chosen_on_a_share_of_many_texts(monkeypatch):
    texts, labels = reviews(200)
    monkeypatch.setattr(tfidf, "MOST_TEXTS_FOR_CHOICE", 50)
    assert fit_tfidf(problem(texts, labels, train=np.arange(200))).converged


@pytest.mark.data
def test_imdb_reaches_what_a_trial_did(real_data):
    from headstart.data.items import class_indices
    from headstart.data.readers.reading import read_data
    from headstart.modalities.text import TEXT

    table = read_data(real_data / "imdb", wanted=TEXT)
    labels = class_indices(table.items, table.classes)
    places = {split: [k for k, item in enumerate(table.items) if item.split == split] for split in ("train", "test")}

    model = fit_tfidf(PlainProblem(table.items, None, labels, np.array(places["train"]), None, 2, 0))

    right = model.probabilities(np.array(places["test"])).argmax(axis=1) == labels[places["test"]]
    assert right.mean() > 0.8
