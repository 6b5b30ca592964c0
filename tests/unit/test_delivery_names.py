"""What the name of a file says, and what is refused before it is opened."""

from __future__ import annotations

import gzip
import os
import socket

import pytest

from retail.contract import tables
from retail.errors import RetailError
from retail.loading.deliveries import find_sources
from retail.quarantine.repair import _files

HEADERS = {table.name: ",".join(table.columns) + "\n" for table in tables()}


def found(folder, *names, text=HEADERS["products"]):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return {(source.table.name, source.day) for source in find_sources(folder)}


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("products.csv", ""),
        ("products_2025-06-01.csv", "2025-06-01"),
        ("products_20250601.csv", "2025-06-01"),
        ("raw_products_20250601_2.csv", "2025-06-01"),
        ("products_20250601_part_2.csv", "2025-06-01"),
        ("20250601/products.csv", "2025-06-01"),
        ("2025-06-01/products_20250601.csv", "2025-06-01"),
        ("PRODUCTS.CSV", ""),
        ("Products_2025-06-01.Csv", "2025-06-01"),
        ("products_3.csv", ""),
        ("products_part3.csv", ""),
    ],
)
def test_names_are_days_tables_and_parts(tmp_path, name, day):
    assert found(tmp_path, name) == {("products", day)}


@pytest.mark.parametrize("name", ["products_20251399.csv", "products_1234567.csv", "products_00000001.csv"])
def test_what_is_taken_for_a_part_is_said_where_it_is_large(tmp_path, capsys, name):
    assert found(tmp_path, name) == {("products", "")}
    said = capsys.readouterr().err
    assert ("taken for parts of one delivery" in said) == (name != "products_00000001.csv")


def test_a_note_lists_ten_names(tmp_path, capsys):
    found(tmp_path, "products.csv", *[f"report_{number}.txt" for number in range(15)])
    assert "and 5 more" in capsys.readouterr().err


def test_a_name_is_one_line_and_sends_nothing_to_the_terminal(tmp_path, capsys):
    found(tmp_path, "products.csv", "od\nd\x1b[31m.csv")
    assert "note: not loaded: od\\nd\\x1b[31m.csv (not named" in capsys.readouterr().err


def test_a_compressed_file_is_one_in_any_case(tmp_path):
    (tmp_path / "PRODUCTS.CSV.GZ").write_bytes(gzip.compress(HEADERS["products"].encode()))
    assert [source.table.name for source in find_sources(tmp_path)] == ["products"]


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        ("\ufeff\ufeff" + HEADERS["products"], "its header has \\ufeffproduct_id, product_name"),
        (HEADERS["products"].replace("_id", "\u200b_id"), "its header has product\\u200b_id, product_name"),
        ("   \n" + HEADERS["products"], "its header has blanks only"),
        (",".join(f"c{place}" for place in range(2000)), "c8, c9 and 1,990 more"),
        ("sep=,\r\n" + HEADERS["products"], "its header has sep=; line 2 has them: delete the lines above it"),
        ("product report\n\n" + HEADERS["products"], "its header has product report; line 3 has them: delete"),
    ],
)
def test_a_wrong_header_is_shown_as_it_is(tmp_path, header, shown):
    with pytest.raises(RetailError) as error:
        found(tmp_path, "products.csv", text=header)
    assert shown in error.value.message and len(error.value.message) < 400


def test_nothing_of_what_a_link_leads_to_is_shown(tmp_path):
    (tmp_path / "secret").write_text("root:x:0\n", encoding="utf-8")
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / "products.csv").symlink_to(tmp_path / "secret")
    with pytest.raises(RetailError, match="check where this link leads") as error:
        find_sources(tmp_path / "drop", follow_links=True)
    assert "root:x" not in error.value.message


def test_two_days_for_one_file_are_refused(tmp_path):
    with pytest.raises(RetailError, match="use one day"):
        found(tmp_path, "2025-06-02/products_20250601.csv")


def pipe(place):
    os.mkfifo(place)


def device(place):
    place.symlink_to("/dev/zero")


def listener(place):
    os.chdir(place.parent)  # a socket's path is short
    socket.socket(socket.AF_UNIX).bind(place.name)


def folder(place):
    place.mkdir()


def loop(place):
    place.symlink_to(place.name)


def outside(place):
    (place.parent.parent / "secret").write_text("password\n", encoding="utf-8")
    place.symlink_to(place.parent.parent / "secret")


@pytest.mark.parametrize("make", [pipe, device, listener, folder, loop, outside], ids=lambda make: make.__name__)
def test_what_is_no_file_is_refused_unread(tmp_path, monkeypatch, make):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    make(tmp_path / "in" / "products.csv")
    with pytest.raises(RetailError) as refused:
        find_sources(tmp_path / "in")
    assert "products.csv" in refused.value.message
    assert "password" not in refused.value.message
    assert "\n" not in refused.value.message


@pytest.mark.parametrize("make", [pipe, device, listener, folder], ids=lambda make: make.__name__)
@pytest.mark.parametrize("name", ["rejected_products.csv", "rejected.zip"])
def test_what_is_no_file_is_refused_as_a_repair_too(tmp_path, monkeypatch, make, name):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / name)
    for path in {tmp_path / name, tmp_path if name.endswith(".csv") else tmp_path / name}:
        with pytest.raises(RetailError, match=r"not a file|holds no"), _files(path):
            pass


def test_a_link_within_the_folder_or_one_that_is_wanted_is_followed(tmp_path):
    (tmp_path / "elsewhere.txt").write_text(HEADERS["products"], encoding="utf-8")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "products.csv").symlink_to(tmp_path / "elsewhere.txt")
    assert len(find_sources(tmp_path / "in", follow_links=True)) == 1
    (tmp_path / "in" / "products_2.csv").write_text(HEADERS["products"], encoding="utf-8")
    (tmp_path / "in" / "products.csv").unlink()
    (tmp_path / "in" / "products.csv").symlink_to("products_2.csv")
    assert len(find_sources(tmp_path / "in")) == 1  # one file under two names
