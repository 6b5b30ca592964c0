"""What a compressed file may unpack to: a bomb is refused before it is unpacked, whichever engine it was meant for."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from retail.contract import tables
from retail.errors import RetailError
from retail.loading import csv_files
from retail.loading.command import load
from retail.loading.csv_files import Limits, content_of, read_header
from retail.loading.csv_rows import LONGEST_RECORD, read_first_row
from retail.loading.deliveries import find_sources
from retail.loading.load import load_sources
from retail.quarantine.repair import _files, repair

STORES = next(table for table in tables() if table.name == "stores")
HEADER = ",".join(STORES.columns).encode() + b"\n"
BOMB = HEADER + 50_000_000 * b"\n"
WORDS = "unpacks to more than 200 times its packed size of "


def gz(folder: Path) -> Path:
    return written(folder / "stores.csv.gz", gzip.compress(BOMB))


def gz_of_many_members(folder: Path) -> Path:
    member = gzip.compress(1_000_000 * b"\n")
    return written(folder / "stores.csv.gz", gzip.compress(HEADER) + 20 * member)


def gz_with_a_small_size_in_its_trailer(folder: Path) -> Path:
    return written(folder / "stores.csv.gz", gzip.compress(BOMB)[:-4] + struct.pack("<I", 100))


def gz_of_one_line(folder: Path) -> Path:
    return written(folder / "stores.csv.gz", gzip.compress(HEADER + 50_000_000 * b"a"))


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.fixture
def read(monkeypatch) -> list[int]:
    """The number of bytes that were unpacked, call by call."""
    found: list[int] = []

    class Counted(gzip.GzipFile):
        def read(self, size: int = -1) -> bytes:
            data = super().read(size)
            found.append(len(data))
            return data

    monkeypatch.setattr(csv_files.gzip, "GzipFile", Counted)
    return found


@pytest.mark.parametrize(
    "make",
    [gz, gz_of_many_members, gz_with_a_small_size_in_its_trailer, gz_of_one_line],
    ids=lambda make: make.__name__,
)
def test_a_gzip_bomb_is_refused_before_it_is_unpacked(tmp_path, read, make):
    path = make(tmp_path)
    with pytest.raises(RetailError, match=WORDS) as refused:
        load_sources(None, find_sources(tmp_path))  # no engine is asked: all of them load through here
    assert str(path) in refused.value.message and "--max-ratio" in refused.value.message
    assert "\n" not in refused.value.message
    assert sum(read) < 200 * path.stat().st_size + 10_000_000


def test_a_header_without_an_end_is_not_searched_for_it(tmp_path, read):
    path = written(tmp_path / "stores.csv.gz", gzip.compress(50_000_000 * b"a"))
    with pytest.raises(RetailError, match="a quoted cell of its header does not end properly"):
        read_header(path, STORES.columns)
    assert sum(read) < 2 * LONGEST_RECORD
    assert read_first_row(io.BytesIO(LONGEST_RECORD * b"\n")) is None


def zipped(folder: Path, data: bytes, method: int = zipfile.ZIP_DEFLATED) -> Path:
    path = folder / "rejected.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("rejected_stores.csv", data)
    return path


def repaired(path: Path, limits: Limits = Limits()) -> None:  # noqa: B008
    with _files(path) as files:
        repair(None, files, limits=limits)  # no database is asked


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_bomb_is_refused_and_nothing_is_unpacked(tmp_path, monkeypatch, method):
    path = zipped(tmp_path, BOMB, method)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with pytest.raises(RetailError, match=WORDS) as refused:
        repaired(path)
    assert "rejected.zip/rejected_stores.csv" in refused.value.message
    assert not list(temporary.iterdir())


def test_an_archive_that_lies_about_sizes_is_refused(tmp_path):
    path = zipped(tmp_path, BOMB)
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<I", len(BOMB)), struct.pack("<I", 100)))
    with pytest.raises(RetailError, match="can't be read in its archive"):
        repaired(path)


def test_an_archive_in_an_archive_is_refused(tmp_path):
    with pytest.raises(RetailError, match="is gzip data under the name of a plain file"):
        repaired(zipped(tmp_path, gzip.compress(BOMB)))


def test_an_encrypted_archive_is_refused(tmp_path):
    path = zipped(tmp_path, b"")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the flag in the list of files
    path.write_bytes(data)
    with pytest.raises(RetailError, match="is encrypted"):
        repaired(path)


def test_the_limits_can_be_raised(tmp_path):
    path = gz(tmp_path)
    assert content_of(path, limits=Limits(ratio=10_000)).size == len(BOMB)
    with pytest.raises(RetailError, match=r"unpacks to more than 0 GB: .*--max-gigabytes"):
        content_of(path, limits=Limits(ratio=10_000, gigabytes=0))
    plain = written(tmp_path / "stores.csv", BOMB)
    assert content_of(plain, limits=Limits(1, 0)).size == len(BOMB)  # a plain file is as large as it is


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        (["--max-ratio", "0"], {}, "'--max-ratio'"),
        (["--max-ratio", "1.5"], {}, "'--max-ratio'"),
        ([], {"RETAIL_MAX_RATIO": "much"}, "RETAIL_MAX_RATIO"),
        ([], {"RETAIL_MAX_GIGABYTES": "-1"}, "RETAIL_MAX_GIGABYTES"),
        (["--max-ratio", "1000"], {}, "unpacks to more than 1,000 times"),
        ([], {"RETAIL_MAX_RATIO": "500"}, "unpacks to more than 500 times"),
    ],
)
def test_a_limit_is_an_option_or_a_variable(tmp_path, monkeypatch, arguments, variables, words):
    gz(tmp_path)
    monkeypatch.setattr("retail.loading.command.connect_to", lambda *_, **__: io.BytesIO())
    result = CliRunner(env=variables).invoke(load, [*arguments, str(tmp_path)])
    assert result.exit_code in (1, 2)
    assert words in result.output.splitlines()[-1]
