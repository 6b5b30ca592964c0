"""Files that belong together are all there or none is, and the earlier ones stay."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from retail.cli import main
from retail.new_files import NewFiles
from retail.reports import lists

CUSTOMER = (None, *["1"] * len(lists.COLUMNS))


def files_in(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def write(folder: Path, text: str, ending: BaseException | None = None) -> None:
    with NewFiles() as files:
        for name in ("first", "second"):
            with files.open(folder / name) as file:
                file.write(text.encode())
        if ending:
            raise ending


@pytest.mark.parametrize("ending", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt(), SystemExit(143)])
def test_whatever_ends_the_program_no_file_is_new(tmp_path, ending):
    with pytest.raises(type(ending)):
        write(tmp_path, "new", ending)
    assert files_in(tmp_path) == {}
    (tmp_path / ".first.part").write_text("what a killed program left")
    write(tmp_path, "old")
    with pytest.raises(type(ending)):
        write(tmp_path, "new", ending)
    assert files_in(tmp_path) == {"first": "old", "second": "old"}


def test_a_link_leads_to_the_file_and_a_device_stays(tmp_path):
    (tmp_path / "elsewhere").write_text("old")
    (tmp_path / "first").symlink_to("elsewhere")
    write(tmp_path, "new")
    assert (tmp_path / "first").is_symlink()
    assert (tmp_path / "elsewhere").read_text() == "new"
    (tmp_path / "second").unlink()
    os.mkfifo(tmp_path / "second")
    with pytest.raises(OSError, match="no regular file"):
        write(tmp_path, "other")
    assert (tmp_path / "second").is_fifo()
    assert (tmp_path / "elsewhere").read_text() == "new"


def test_a_disk_that_fills_leaves_no_list(monkeypatch, tmp_path):
    monkeypatch.setattr(lists, "connect_to", lambda *_, **__: (tmp_path / "database").open("w"))
    monkeypatch.setattr(lists, "_rows", lambda _: [("segment_AR", *CUSTOMER), ("segment_HS", *CUSTOMER)])
    out = tmp_path / "lists"

    def run(*arguments: str) -> str:
        return CliRunner().invoke(main, ["lists", "--out", str(out), *arguments]).output

    assert "next: take the files" in run()
    before = files_in(out)

    def full(cell: str) -> str:
        if cell == "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        return "other than before"

    monkeypatch.setattr(lists, "guarded", full)
    monkeypatch.setattr(
        lists, "_rows", lambda _: [("segment_AR", *CUSTOMER), ("segment_HS", None, *["full"] * len(lists.COLUMNS))]
    )
    assert run("--force") == f"Error: {out} can't be written: No space left on device\n"
    assert files_in(out) == before
