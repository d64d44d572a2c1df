"""The verbs from the shell: JSON alone on standard output, people's text on standard error, kind errors."""

import csv
import io
import json
import os
import subprocess
import sys

import pytest
from tests.conftest import draw_shapes

QUICK = ["--backbone", "headstart:small_convnet", "--random-weights"]
#: The frozen side alone.
PROBE = [*QUICK, "--strategy", "probe", "--no-scratch"]


def headstart(*arguments, cwd=None, **environment):
    return subprocess.run(
        [sys.executable, "-m", "headstart.cli.app", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **environment},
        check=False,
    )


def test_fit_prints_people_s_text_and_json_apart(shapes, tmp_path):
    done = headstart("fit", shapes, "--out", tmp_path / "run", "--json", *PROBE)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((tmp_path / "run" / "metrics.json").read_text())
    for words in ("Test accuracy", "raw pixels", "report.html", "Time"):
        assert words in done.stderr


def test_without_out_a_sensible_name_is_made(shapes, tmp_path):
    for expected in ("runs/shapes", "runs/shapes-2"):
        done = headstart("fit", shapes, "--json", *PROBE, cwd=tmp_path)
        assert json.loads(done.stdout)["run"] == expected
        assert (tmp_path / expected / "report.html").is_file()


def test_predict_in_three_forms(shapes, shapes_run, tmp_path):
    broken, gone = tmp_path / "broken.png", tmp_path / "gone.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n")
    done = headstart("predict", shapes_run, shapes / "disc" / "000.png", shapes / "square", "--json")
    assert done.returncode == 0
    rows = json.loads(done.stdout)["predictions"]
    assert len(rows) == 41
    assert sum(rows[0]["probabilities"].values()) == pytest.approx(1)
    done = headstart("predict", shapes_run, str(shapes / "disc" / "00*.png"), broken, gone, "--csv")
    table = list(csv.DictReader(io.StringIO(done.stdout)))
    assert len(table) == 12
    assert done.returncode == 1
    for row, path in zip(table[-2:], (broken, gone), strict=True):
        assert row["label"] == ""
        assert row["error"]
        assert str(path) in done.stderr
    done = headstart("predict", shapes_run, shapes / "disc" / "000.png")
    assert "000.png" in done.stdout
    assert "%" in done.stdout


def test_evaluate(shapes, shapes_run):
    done = headstart("evaluate", shapes_run, shapes, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["items"] == 28
    assert set(found["metrics"]) >= {"accuracy", "log_loss"}
    assert "seen in training" in done.stderr


def test_check_says_what_would_stop_a_fit(shapes, tmp_path):
    done = headstart("check", shapes, "--json", *QUICK)
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert "Is transfer appropriate? Not looked at: the backbone has random weights" in done.stderr
    assert report["splits"] == {"train": 52, "validation": 12, "test": 16}
    assert report["size"]["median"] == [48, 48]
    draw_shapes(tmp_path / "one", per_class=3, classes=("disc",))
    done = headstart("check", tmp_path / "one")
    assert done.returncode == 2
    assert "A fit would be refused" in done.stderr


def test_extract_writes_the_stages_that_were_asked_for(shapes, tmp_path):
    import pyarrow.parquet as pq

    out = tmp_path / "features.parquet"
    done = headstart("extract", shapes, "--out", out, *QUICK, "--json")
    assert done.returncode == 0, done.stderr
    top = next(iter(json.loads(done.stdout)["stages"]))
    table = pq.read_table(out)
    assert table.column_names == ["id", "label", "split", top]
    assert table.num_rows == 80
    done = headstart("extract", shapes, "--out", out, *QUICK, "--stage", "nostage")
    assert done.returncode == 2
    assert "Expected the name of a stage" in done.stderr


def test_report_is_made_again(shapes_run, tmp_path):
    import shutil

    copy = shutil.copytree(shapes_run, tmp_path / "run")
    before = (copy / "report.html").read_bytes()
    (copy / "report.html").unlink()
    assert headstart("report", copy).returncode == 0
    assert (copy / "report.html").read_bytes() == before


def test_cache_is_shown_and_cleared(shapes, tmp_path):
    home = tmp_path / "cache"
    headstart("check", shapes, "--data-only", HEADSTART_CACHE=str(home))
    shown = json.loads(headstart("cache", "show", "--json", HEADSTART_CACHE=str(home)).stdout)
    assert {row["about"]["kind"] for row in shown["features"]} == {"inspection", "plain"}
    assert headstart("cache", "clear", "features", HEADSTART_CACHE=str(home)).returncode == 0
    assert not (home / "features").exists()
    assert headstart("cache", "clear", "everything").returncode == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("fit", "no-such-folder"),
        ("predict", "no-such-run", "x.png"),
        ("evaluate", "no-such-run", "data"),
        ("report", "no-such-run"),
        ("check", "sklern:digits"),
        ("fit", "sklearn:digits", "--backbone", "timm:resnet1008", "--random-weights"),
    ],
)
def test_wrong_input_is_one_message_and_exit_2(arguments, tmp_path):
    done = headstart(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    last = [line for line in done.stderr.splitlines() if line.startswith("headstart: ")]
    assert len(last) == 1
    assert "Expected" in last[0]
    assert "Traceback" not in done.stderr


def test_help_imports_nothing_heavy():
    code = """
import sys
from headstart.cli.app import main
sys.argv = ["headstart", "--help"]
try:
    main()
except SystemExit:
    pass
heavy = {"torch", "timm", "numpy", "openvino", "PIL", "sklearn", "pyarrow"} & set(sys.modules)
sys.exit(f"imported {heavy}" if heavy else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def let_openvino_have_won(cache):
    """Which engine is fastest for a tiny network is the day's chance; where it is torch, torch is rightly imported."""
    for trial in (cache / "models").glob("*/trial-*.json"):
        content = json.loads(trial.read_text())
        content["rows"].sort(key=lambda row: row["engine"]["name"] != "openvino")
        trial.write_text(json.dumps(content))


def test_a_probe_with_a_converted_model_imports_no_heavy_library(shapes, shapes_run, shared_cache, tmp_path):
    let_openvino_have_won(shared_cache)
    code = f"""
import sys
sys.argv = ["headstart", "fit", {str(shapes)!r}, "--out", {str(tmp_path)!r} + sys.argv[1], "--no-scratch",
            "--strategy", "probe", "--backbone", "headstart:small_convnet", "--random-weights"]
from headstart.cli.app import main
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
heavy = {{"torch", "timm", "torchvision", "sklearn", "datasets", "scipy", "pyarrow"}} & set(sys.modules)
sys.exit(f"imported {{heavy}}" if heavy else 0)
"""
    for clear in (False, True):
        if clear:
            headstart("cache", "clear", "features")
        done = subprocess.run(
            [sys.executable, "-c", code, f"/run-{clear}"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_an_interrupt_before_there_is_anything_to_save_is_one_line(shapes, tmp_path):
    import signal

    process = subprocess.Popen(
        [sys.executable, "-m", "headstart.cli.app", "fit", str(shapes), "--out", str(tmp_path / "run"), *QUICK],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "HEADSTART_CACHE": str(tmp_path / "cache")},
    )
    for line in process.stderr:
        if line.startswith("read"):  # from here on the backbone is converted, which takes seconds
            break
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "headstart: stopped" in said
    assert "Traceback" not in said
    assert not (tmp_path / "run").exists()
