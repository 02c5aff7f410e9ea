"""What is kept between runs: whole files, and code that is compared by what it does."""

from pathlib import Path

import pytest

from training.cache import cache_dir, code_hash, write_text_whole, write_whole
from training.errors import RunError


def hash_of(tmp_path: Path, code: str) -> str:
    path = tmp_path / "code.py"
    path.write_text(code, encoding="utf-8")
    return code_hash([path])


def test_a_file_is_there_whole(tmp_path: Path) -> None:
    write_text_whole(tmp_path / "new" / "x.json", "é")

    assert (tmp_path / "new" / "x.json").read_bytes() == "é".encode()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["x.json"]


def test_a_write_that_breaks_off_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("before", encoding="utf-8")

    def breaks_off(file) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "x", breaks_off)

    assert (tmp_path / "x").read_text(encoding="utf-8") == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_full_disk_ends_with_one_line_that_names_the_file(tmp_path: Path) -> None:
    def full(_file) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(RunError, match=r"x\.npy: can not be written \(No space left on device\)"):
        write_whole(tmp_path / "x.npy", full)

    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(RunError, match="can not be written"):
        write_text_whole(tmp_path / "file" / "x", "")


@pytest.mark.parametrize(
    "same",
    [
        'def f(x):\n    """Do it."""\n    return x + 1\n',
        "# why\ndef f(x):\n    return (x   + 1)  # so\n",
        '"""A module."""\n\n\ndef f(x):\n\n    return x + 1\n',
    ],
)
def test_comments_docstrings_and_layout_do_not_count(tmp_path: Path, same: str) -> None:
    assert hash_of(tmp_path, same) == hash_of(tmp_path, "def f(x):\n    return x + 1\n")


def test_what_it_does_counts(tmp_path: Path) -> None:
    assert hash_of(tmp_path, "def f(x):\n    return x + 1\n") != hash_of(tmp_path, "def f(x):\n    return x + 2\n")


def test_the_cache_is_where_one_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/x")
    monkeypatch.delenv("EMOTION_CACHE", raising=False)
    assert cache_dir() == Path("/var/x/emotion-streamer")

    monkeypatch.setenv("EMOTION_CACHE", "/elsewhere")
    assert cache_dir() == Path("/elsewhere")
