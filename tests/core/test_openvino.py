"""OpenVINO, imported in silence."""

import os
import subprocess
import sys
from pathlib import Path

from headstart.core.openvino import openvino_core

PROGRAM = """
import socket, sys
asked = []
def refuse(*arguments, **_):
    asked.append(arguments)
    raise OSError("no network in this test")
socket.socket.connect = refuse
socket.getaddrinfo = refuse
from headstart.core.openvino import openvino
before = set(sys.modules)
ov = openvino()
assert openvino() is ov
assert "openvino_telemetry" not in sys.modules
import torch
ov.convert_model(torch.nn.Linear(2, 2).eval(), example_input=torch.zeros(1, 2))
assert "openvino_telemetry" not in sys.modules
assert asked == [], asked
"""


def test_importing_and_converting_asks_nobody_and_writes_nothing_at_home(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | {"HOME": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert not (tmp_path / "intel").exists()  # where a plain import leaves its identifier


def test_the_telemetry_of_others_is_left_as_it_was() -> None:
    program = (
        "import sys, types; mine = sys.modules['openvino_telemetry'] = types.ModuleType('openvino_telemetry')\n"
        "from headstart.core.openvino import openvino; openvino()\n"
        "assert sys.modules['openvino_telemetry'] is mine"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


CTRL_C = """
import signal, threading
import numpy as np
from headstart.core.openvino import openvino, openvino_core
ov = openvino()
parameter = ov.opset13.parameter([1, 4], np.float32)
held = [openvino_core().compile_model(ov.Model([ov.opset13.relu(parameter)], [parameter], "toy"), "CPU")]
thread = threading.Thread(target=held.clear)
thread.start()
thread.join()
try:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("alive")
"""


def test_ctrl_c_does_no_harm_after_another_thread_let_the_last_engine_go() -> None:
    ended = subprocess.run([sys.executable, "-c", CTRL_C], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout.strip()) == (0, "alive")


def test_there_is_one_core() -> None:
    assert openvino_core() is openvino_core()
