"""What can be had without any network, for several labels and for numbers."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, r2_score
from tests.workflows.pooled_tasks.conftest import PHOTOS

from headstart.core.progress import Silent, Stopwatch
from headstart.workflows.arrange import DataOptions
from headstart.workflows.pooled_tasks import plain
from headstart.workflows.pooled_tasks.examples import PooledExamples, gather
from headstart.workflows.pooled_tasks.multilabel import Multilabel
from headstart.workflows.pooled_tasks.plain import plain_baselines
from headstart.workflows.pooled_tasks.regression import Regression


def _baselines(examples: PooledExamples):  # type: ignore[no-untyped-def]
    given = {}

    def score(answers, split):  # type: ignore[no-untyped-def]
        given.setdefault(split, []).append(answers)
        return examples.problem.score(examples.targets_of(split), answers, groups=None, seed=0)

    return plain_baselines(examples, score, seed=0, progress=Silent()), given


def _gathered(kind, data, backbone):  # type: ignore[no-untyped-def]
    from headstart.data.columns import Columns

    modality, columns = ("text", Columns(label="score" if data.suffix == ".csv" else "labels"))
    wanted = DataOptions(str(data), modality=modality, columns=columns)
    return gather(kind, wanted, backbone, progress=Silent(), watch=Stopwatch())


def test_texts_have_words_to_beat_for_each_label(topics, small_bert):
    examples = _gathered(Multilabel, topics, small_bert)
    found, given = _baselines(examples)
    assert [candidate.name for candidate in found] == ["always the same answer", "hashed n-grams", "TF-IDF"]
    words, answers = found[-1], given["test"][-1]
    assert words.detail.endswith("a model for each label")
    expected = f1_score(examples.targets_of("test"), answers >= 0.5, average="micro")
    assert words.test.metrics["micro_f1"].value == pytest.approx(expected)
    assert expected > found[0].test.metrics["micro_f1"].value + 0.1


def test_texts_have_words_to_beat_for_a_number(scores, small_bert):
    examples = _gathered(Regression, scores, small_bert)
    found, given = _baselines(examples)
    numbers = [float(examples.base.arranged.items[row].label) for row in examples.rows("test")]
    assert found[-1].name == "TF-IDF"
    assert found[-1].test.metrics["r2"].value == pytest.approx(r2_score(numbers, given["test"][-1][:, 0]), abs=1e-5)
    assert found[-1].test.metrics["r2"].value > 0.1


def test_photos_have_pixels_once(coloured):
    examples = gather(
        Multilabel, DataOptions(str(coloured), modality="image"), PHOTOS, progress=Silent(), watch=Stopwatch()
    )
    assert [candidate.name for candidate in _baselines(examples)[0]] == ["always the same answer", "raw pixels"]


def test_too_many_labels_are_said_to_be_so(topics, small_bert, monkeypatch):
    monkeypatch.setattr(plain, "MOST_FITTED", 10)
    (*_, words), _ = _baselines(_gathered(Multilabel, topics, small_bert))
    assert (words.name, words.status, words.test) == ("TF-IDF", "not run", None)


def test_numbers_as_classes_are_quantiles_and_a_label_that_all_have_is_one_class():
    problem = Regression.of([str(number) for number in range(100)])
    (part,) = problem.as_classes(problem.targets([str(number) for number in range(100)]), train=np.arange(80))
    assert len(part.answers) == 8
    np.testing.assert_allclose(part.answers, 4.5 + 10 * np.arange(8), atol=1e-4)
    assert set(part.labels[80:]) == {7}
    always, sometimes = Multilabel(("a", "b")).as_classes(
        np.array([[1, 0], [1, 1], [0, 1]], np.float32), train=np.arange(2)
    )
    assert (always.answers.tolist(), always.labels.tolist()) == ([1], [0, 0, 0])
    assert (sometimes.answers.tolist(), sometimes.labels.tolist()) == ([0, 1], [0, 1, 1])
