"""What every test may ask for: real data where it is at hand, and a cache of its own."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

#: How long an example took says how busy the machine is, and nothing about what is tested.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def ctrl_c_works() -> Iterator[None]:
    """A test run that a script started in the background ignores SIGINT, and so would every process it starts."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets; without it a test is skipped, unless CI says that it must be there."""
    folder = os.environ.get("HEADSTART_TEST_DATA")
    if folder and Path(folder).is_dir():
        return Path(folder)
    if os.environ.get("HEADSTART_REQUIRE_TEST_DATA"):
        pytest.fail(f"HEADSTART_TEST_DATA must name a folder of data sets, but is {folder!r}")
    pytest.skip("needs HEADSTART_TEST_DATA")


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the whole test run, so that a backbone is converted once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_cache(shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the user's cache."""
    monkeypatch.setenv("HEADSTART_CACHE", str(shared_cache))


@pytest.fixture
def silent_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache and a home folder that nothing has been written to yet."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("HEADSTART_CACHE", str(home / "cache"))
    return home


def draw_shapes(folder: Path, *, per_class: int, seed: int = 0, classes: tuple[str, ...] = ("disc", "square")) -> Path:
    """Class folders of small pictures: a disc or a square in a random colour at a random place."""
    import numpy as np
    from PIL import Image, ImageDraw

    generator = np.random.default_rng(seed)
    for name in classes:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            image = Image.fromarray(generator.integers(0, 60, (48, 48, 3), dtype=np.uint8))
            left, top, side = generator.integers(2, 20), generator.integers(2, 20), generator.integers(14, 24)
            box = [int(left), int(top), int(left + side), int(top + side)]
            colour = tuple(int(value) for value in generator.integers(120, 256, 3))
            pen = ImageDraw.Draw(image)
            (pen.ellipse if name == "disc" else pen.rectangle)(box, fill=colour)
            image.save(folder / name / f"{number:03d}.png")
    return folder


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of 40 small pictures each, without splits."""
    return draw_shapes(tmp_path_factory.mktemp("data") / "shapes", per_class=40)


#: A backbone that converts in seconds: nobody has trained it.
QUICK = {"backbone": "headstart:small_convnet", "random_weights": True}


@pytest.fixture(scope="session")
def shapes_run(shapes: Path, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on the shapes: the probe on a quick backbone, without trained baselines."""
    import headstart

    before = os.environ.get("HEADSTART_CACHE")
    os.environ["HEADSTART_CACHE"] = str(shared_cache)
    try:
        out = tmp_path_factory.mktemp("runs") / "shapes"
        return headstart.fit(shapes, out=out, strategy="probe", scratch=False, **QUICK).path
    finally:
        if before is not None:
            os.environ["HEADSTART_CACHE"] = before
