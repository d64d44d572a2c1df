import subprocess
import sys

import pytest

from headstart.training import allocation
from headstart.training.allocation import kept_memory

PROGRAM = """
import resource
import numpy as np
from headstart.training.allocation import kept_memory

def faults(rounds):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        np.ones(2**24, dtype=np.float64)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

usual = faults(5)
with kept_memory():
    faults(1)
    kept = faults(5)
print(usual, kept, faults(5))
"""


@pytest.mark.skipif(allocation._glibc() is None, reason="needs glibc")
def test_memory_is_faulted_in_once_inside_the_block_and_each_time_outside() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    usual, kept, afterwards = map(int, ended.stdout.split())
    assert kept < usual / 10
    assert afterwards > kept * 5


def test_without_glibc_it_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocation, "_glibc", lambda: None)
    with kept_memory():
        pass
