"""The first Ctrl-C is noted, the second stops, and afterwards everything is as it was."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from headstart.core.interruption import MESSAGE, interruptible
from headstart.core.progress import Silent


class Listener(Silent):
    def __init__(self):
        self.heard = []

    def say(self, message):
        self.heard.append(message)


@pytest.fixture(autouse=True)
def python_handler():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_first_is_noted_and_the_second_stops():
    listener = Listener()
    with pytest.raises(KeyboardInterrupt), interruptible(listener) as interruption:
        assert not interruption.requested
        signal.raise_signal(signal.SIGINT)
        assert interruption.requested
        assert listener.heard == [MESSAGE]
        signal.raise_signal(signal.SIGINT)
    assert listener.heard == [MESSAGE]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_second_goes_to_the_handler_that_was_there():
    class OwnStopError(Exception):
        pass

    def handler(number, frame):
        raise OwnStopError

    signal.signal(signal.SIGINT, handler)
    with pytest.raises(OwnStopError), interruptible(Silent()):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is handler


def test_the_handler_comes_back_after_an_error():
    with pytest.raises(ValueError, match="mine"), interruptible(Silent()):
        raise ValueError("mine")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_wish_is_noted_even_if_nobody_can_be_told():
    class Busy(Silent):
        def say(self, message):
            raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stderr>'>")

    with interruptible(Busy()) as interruption:
        signal.raise_signal(signal.SIGINT)
        assert interruption.requested


def test_an_ignored_signal_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interruptible(Silent()) as interruption:
        os.kill(os.getpid(), signal.SIGINT)
        assert not interruption.requested


def test_in_another_thread_nothing_is_installed():
    seen = []

    def work():
        with interruptible(Silent()) as interruption:
            seen.append((interruption.requested, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, signal.default_int_handler)]


def test_a_process_that_gets_two_real_signals_ends_by_the_second():
    program = """
import signal, time
from headstart.core.interruption import interruptible
from headstart.core.progress import Silent
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background inherits that it is ignored
with interruptible(Silent()) as interruption:
    print("ready", flush=True)
    while not interruption.requested:
        time.sleep(0.01)
    print("noted", flush=True)
    time.sleep(60)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for word in ("ready", "noted"):
        assert process.stdout.readline().strip() == word
        process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in errors
    assert process.returncode == -signal.SIGINT
