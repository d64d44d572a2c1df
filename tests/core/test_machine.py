import os
import sys
import types

import pytest

from headstart.core import machine


def pretend(monkeypatch, *, driver, usable):
    """A machine with or without a driver, whose torch can use the GPU or cannot."""
    monkeypatch.setattr(machine, "has_cuda", lambda: driver)
    torch = types.SimpleNamespace(cuda=types.SimpleNamespace(is_available=lambda: usable))
    monkeypatch.setitem(sys.modules, "torch", torch)


@pytest.mark.parametrize(
    ("asked", "driver", "usable", "expected"),
    [
        ("cpu", True, True, "cpu"),
        ("cuda", True, True, "cuda"),
        ("cuda", False, False, "cuda"),  # it was asked for: the engine says that there is none
        ("auto", True, True, "cuda"),
        ("auto", True, False, "cpu"),  # a driver, and a torch that was built without it
        ("auto", False, True, "cpu"),
    ],
)
def test_training_goes_where_it_was_asked_to_or_where_it_can(monkeypatch, asked, driver, usable, expected):
    pretend(monkeypatch, driver=driver, usable=usable)
    assert machine.training_device(asked) == expected


@pytest.mark.parametrize("asked", ["cpu", "cuda", "auto"])
def test_without_a_driver_torch_is_not_asked(monkeypatch, asked):
    monkeypatch.setattr(machine, "has_cuda", lambda: False)
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it would be an error
    assert machine.training_device(asked) == ("cuda" if asked == "cuda" else "cpu")


def test_versions_are_those_of_the_libraries_and_absent_ones_are_named_so():
    import numpy as np

    assert machine.version("numpy") == np.__version__
    assert machine.version("no-such-library") == "absent"


def test_the_cores_are_those_that_this_process_may_use():
    assert 1 <= machine.cores() <= (os.cpu_count() or 1)


def test_the_processor_has_one_name():
    assert machine.cpu_identity() == machine.cpu_identity() != ""
