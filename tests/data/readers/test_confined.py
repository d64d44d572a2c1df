from pathlib import Path

import pytest

from headstart.data.readers.confined import ConfinedFolder


@pytest.fixture
def folder(tmp_path: Path) -> ConfinedFolder:
    (tmp_path / "inside" / "deep").mkdir(parents=True)
    (tmp_path / "inside" / "a.png").write_bytes(b"a")
    (tmp_path / "secret.png").write_bytes(b"s")
    (tmp_path / "inside" / "link.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "inside" / "up").symlink_to(tmp_path)
    (tmp_path / "inside" / "deep" / "near.png").symlink_to(tmp_path / "inside" / "a.png")
    return ConfinedFolder(tmp_path / "inside")


@pytest.mark.parametrize(
    "value",
    ["a.png", ".//a.png", "deep/../a.png", "deep/near.png", "gone.png", "gone/too.png", "..a.png", "photo:1.png"],
)
def test_paths_that_stay(folder, value):
    assert folder.refusal(value) is None


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("https://example.org/a.png", "URL"),
        ("file:///etc/passwd", "URL"),
        ("data:image/png;base64,AAAA", "URL"),
        ("/etc/passwd", "absolute"),
        ("C:\\photos\\a.png", "absolute"),
        ("\\\\server\\share\\a.png", "absolute"),
        ("../secret.png", "leads out"),
        ("deep/../../secret.png", "leads out"),
        ("..\\secret.png", "leads out"),
        ("..", "leads out"),
        ("a\0.png", "zero byte"),
        ("link.png", "link out"),
        ("up/secret.png", "link out"),
        ("up/..", "link out"),
    ],
)
def test_paths_that_leave(folder, value, why):
    assert why in str(folder.refusal(value))


def test_backslashes_separate_folders_where_no_such_file_is_there(folder):
    assert folder.path("deep\\near.png").endswith("/inside/deep/near.png")
