"""Every tracker passes on every entry, is named when its package is missing, and keeps silent to the world."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from headstart.core.errors import StorageError, UnavailableError, UnknownNameError
from headstart.training.trackers.contract import TRACKERS, scalars_of

NAMES = ["tensorboard", "mlflow", "wandb"]
CONFIG = {"strategy": "auto", "seed": 0, "budget": 120.0, "stages": ["a", "b"], "out": None}
STEPS = [
    {"training": name, "phase": 0, "epoch": 1, "step": step, "loss": 1 / step, "learning_rate": 0.001}
    for name in ("blocks.6 at 0.001", "blocks.5 at 0.001")
    for step in (1, 2, 3)
]
EPOCH = {"training": "blocks.6 at 0.001", "phase": 0, "epoch": 1, "train_loss": 0.61, "validation_loss": 0.5}
TEXT = {"training": "blocks.6 at 0.001", "epoch": 1, "step": 4, "note": "halved the batch", "batch_size": 16}

# The service that W&B starts is spoken to through a socket in the file system.
WATCHED = """
import json, os, socket, sys
from pathlib import Path

def refuse(event, arguments):
    if event == "socket.connect" and arguments[0].family == socket.AF_UNIX:
        return
    if event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}:
        print("NETWORK", event, arguments, file=sys.stderr)
        os._exit(7)

sys.addaudithook(refuse)
from headstart.training.trackers.contract import TRACKERS
tracker = TRACKERS[sys.argv[1]](Path("runs"), run_name="photos", config=json.loads(sys.argv[2]))
for entry in json.loads(sys.argv[3]):
    tracker(entry)
tracker.close()
"""


@pytest.fixture(autouse=True)
def nobodys_settings(monkeypatch):
    """The environment is the test's own, and what an opener sets in it does not outlast the test."""
    for name in [name for name in os.environ if name.startswith(("MLFLOW", "WANDB"))]:
        monkeypatch.delenv(name)
    for name in ("MLFLOW_DISABLE_TELEMETRY", "MLFLOW_LOGGING_LEVEL", "WANDB_ERROR_REPORTING", "WANDB_CACHE_DIR"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def record(name, folder, entries):
    tracker = TRACKERS[name](folder, run_name="photos", config=CONFIG)
    for entry in entries:
        tracker(entry)
    tracker.close()


def test_an_entry_is_its_numbers_at_its_step_or_epoch():
    assert scalars_of(STEPS[1]) == (2, {"blocks.6 at 0.001/loss": 0.5, "blocks.6 at 0.001/learning_rate": 0.001})
    assert scalars_of(EPOCH) == (
        1,
        {"blocks.6 at 0.001/train_loss": 0.61, "blocks.6 at 0.001/validation_loss": 0.5},
    )
    assert scalars_of(TEXT) == (4, {"blocks.6 at 0.001/batch_size": 16.0})


def test_an_unknown_tracker_is_named_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'tensorboard'"):
        TRACKERS["tensorbord"]
    assert list(TRACKERS)[:3] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_package_is_named_with_the_command_that_brings_it(name, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UnavailableError, match=rf"--log {name} needs .* pip install 'headstart\[{name}\]'"):
        TRACKERS[name](tmp_path, run_name="photos", config={})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_place_that_cannot_be_written_is_named(name, tmp_path):
    pytest.importorskip(name)
    (tmp_path / name).write_text("a file stands where the folder should be")
    with pytest.raises(StorageError, match=str(tmp_path)):
        TRACKERS[name](tmp_path, run_name="photos", config={})


def test_tensorboard_reads_back_what_was_passed_on(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    record("tensorboard", tmp_path, [*STEPS, EPOCH, TEXT])
    events = EventAccumulator(str(tmp_path / "tensorboard" / "photos"))
    events.Reload()
    for training in ("blocks.6 at 0.001", "blocks.5 at 0.001"):
        read = [(event.step, event.value) for event in events.Scalars(f"{training}/loss")]
        assert read == [(1, 1.0), (2, 0.5), (3, pytest.approx(1 / 3))]
    assert [(event.step, event.value) for event in events.Scalars("blocks.6 at 0.001/validation_loss")] == [(1, 0.5)]
    (config,) = events.Tensors("config/text_summary")
    assert json.loads(config.tensor_proto.string_val[0]) == CONFIG


def test_tensorboard_goes_on_in_the_same_curve(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

    record("tensorboard", tmp_path, STEPS[:2])
    record("tensorboard", tmp_path, STEPS[1:3])
    runs = EventMultiplexer().AddRunsFromDirectory(str(tmp_path / "tensorboard"))
    runs.Reload()
    assert list(runs.Runs()) == ["photos"]
    assert sorted(event.step for event in runs.Scalars("photos", "blocks.6 at 0.001/loss")) == [1, 2, 2, 3]


def test_mlflow_reads_back_what_was_passed_on(tmp_path):
    mlflow = pytest.importorskip("mlflow")
    odd = {"training": "stage[1]: all", "epoch": 1, "step": 1, "loss": 2.0}
    record("mlflow", tmp_path, [*STEPS, EPOCH, odd])
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("headstart")
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.run_name, run.info.status) == ("photos", "FINISHED")
    assert run.data.params["stages"] == '["a", "b"]'
    assert run.data.params["strategy"] == "auto"
    history = client.get_metric_history(run.info.run_id, "blocks.5 at 0.001/loss")
    assert sorted((metric.step, metric.value) for metric in history) == [(1, 1.0), (2, 0.5), (3, 1 / 3)]
    assert run.data.metrics["blocks.6 at 0.001/validation_loss"] == 0.5
    assert run.data.metrics["stage-1-- all/loss"] == 2.0


def test_mlflow_goes_where_the_user_says_and_names_what_does_not_answer(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'own.db'}")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    record("mlflow", tmp_path, STEPS)
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'own.db'}")
    assert client.get_experiment_by_name("mine") is not None
    assert not (tmp_path / "mlflow").exists()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nonsense://nowhere")
    with pytest.raises(UnavailableError, match="MLFLOW_TRACKING_URI"):
        record("mlflow", tmp_path, [])


def test_wandb_records_offline_and_holds_every_step(tmp_path):
    wandb = pytest.importorskip("wandb")
    record("wandb", tmp_path, [*STEPS, EPOCH])
    wandb.teardown()  # waits for the process that writes, as the end of the program does
    (file,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    rows = wandb_rows(file)
    for training in ("blocks.6 at 0.001", "blocks.5 at 0.001"):
        read = [(row[f"{training}/step"], row[f"{training}/loss"]) for row in rows if f"{training}/loss" in row]
        assert read == [(1, 1.0), (2, 0.5), (3, 1 / 3)]
    assert [row["blocks.6 at 0.001/validation_loss"] for row in rows if "blocks.6 at 0.001/validation_loss" in row]


def wandb_rows(file: Path) -> list[dict]:
    """The rows of the history in W&B's own file: its messages in LevelDB's log format, after a header of 7 bytes."""
    from wandb.proto import wandb_internal_pb2

    content, place, message, rows = file.read_bytes(), 7, b"", []
    while place < len(content):
        if 32768 - place % 32768 < 7:  # no record's header is cut by the end of a block
            place += 32768 - place % 32768
            continue
        size, kind = int.from_bytes(content[place + 4 : place + 6], "little"), content[place + 6]
        message += content[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in {1, 4}:  # whole, or the last part
            record = wandb_internal_pb2.Record.FromString(message)
            message = b""
            if record.WhichOneof("record_type") == "history":
                rows.append({"/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item})
    return rows


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_sent_and_nothing_is_written_elsewhere(name, tmp_path):
    """Outside a test, too: MLflow keeps quiet by itself where it finds pytest or CI in the environment."""
    pytest.importorskip(name)
    kept = ("PATH", "LD_LIBRARY_PATH", "OMP_NUM_THREADS")
    environment = {key: os.environ[key] for key in kept if key in os.environ}
    (tmp_path / "tmp").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, name, json.dumps(CONFIG), json.dumps([*STEPS, EPOCH])],
        env=environment | {"HOME": str(tmp_path), "TMPDIR": str(tmp_path / "tmp")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert {path.relative_to(tmp_path).parts[:2] for path in tmp_path.rglob("*") if path.is_file()} == {("runs", name)}


def test_the_watch_sees_a_socket():
    code = WATCHED.split("from headstart", maxsplit=1)[0] + "import socket\nsocket.getaddrinfo('localhost', 80)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 7
