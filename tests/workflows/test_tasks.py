"""What can be asked, by name: every task can be fitted, and every run that comes of one can be opened."""

import inspect

import pytest

import headstart as hs
from headstart.artifacts.answering import MODELS, PAGES
from headstart.core.errors import UnknownNameError
from headstart.workflows.fit import fit
from headstart.workflows.tasks import CLASSIFICATION, TASKS


@pytest.mark.parametrize("name", list(TASKS))
def test_every_task_is_fitted_as_classification_is(name):
    assert list(inspect.signature(TASKS[name]).parameters) == list(inspect.signature(fit).parameters)


def test_the_usual_task_is_classification():
    assert TASKS[CLASSIFICATION] is fit


@pytest.mark.parametrize("name", list(MODELS))
def test_every_model_answers_and_is_measured(name):
    model = MODELS[name]
    assert callable(model.predict) and callable(model.evaluate)
    assert {"columns", "progress"} <= set(inspect.signature(model.predict).parameters)


def test_a_page_of_its_own_belongs_to_a_task_that_is_known():
    assert set(PAGES) <= set(MODELS)


def test_an_unknown_task_is_named_with_those_that_there_are(tmp_path):
    with pytest.raises(UnknownNameError, match="Expected the name of a task, but got 'token'; did you mean 'tokens'"):
        hs.fit(tmp_path, task="token")
