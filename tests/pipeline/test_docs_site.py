"""The documentation in a real browser: served by dbt, and as one file; Chromium is the machine's own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from retail.contract import PROJECT_DIR
from support.programs import PROGRAMS

pytestmark = pytest.mark.extended

# dbt's page does these itself: an icon asked for before its name is filled in, an address that its bundler left, and
# icons that refer to the page by its address, which a browser does not like of a file
DBTS_OWN_FAULTS = ("{{ getIcon(", "${require(", "'file:' URLs are treated as unique security origins")
# a folder for the README's pictures, to take them anew
SCREENSHOTS = os.environ.get("RETAIL_SCREENSHOTS")
PATIENCE = 60  # seconds
IS_LOADED = "image => image.decode().then(() => image.naturalWidth)"
NODES_OF_GRAPH = """
    () => angular.element(document.body).injector().get('graph').graph.elements
        .filter(element => element.group == 'nodes').map(element => element.data.id)
"""
PIXELS_OF_GRAPH = """
    canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
        .filter((value, index) => index % 4 == 3 && value > 0).length
"""


@pytest.fixture(scope="module")
def target(browser, sample, run_program, tmp_path_factory) -> Path:
    """The folder that `make docs` leaves, without the pictures drawn anew."""
    folder = tmp_path_factory.mktemp("site")
    run_program(sample, "dbt", "docs", "generate", "--target-path", str(folder))
    subprocess.run([sys.executable, "-m", "tools.docs", "static", str(folder)], check=True, cwd=PROJECT_DIR)
    return folder


@pytest.fixture(scope="module")
def manifest(target) -> dict:
    return json.loads((target / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def address(target, sample) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [PROGRAMS / "dbt", "docs", "serve", "--no-browser", "--host", "127.0.0.1", "--port", str(port)]
    places = ["--target-path", str(target), "--log-path", str(target / "logs")]
    server = subprocess.Popen(
        [*command, *places],
        cwd=PROJECT_DIR,
        env=os.environ | sample,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/")
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait()


def _wait_for(url: str) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(url).close()
            return
        except urllib.error.URLError:
            assert time.monotonic() < until, f"nothing answers at {url}"
            time.sleep(0.2)


@pytest.fixture
def page(browser) -> Iterator:
    """A page of its own for each test, which must not complain of anything and not ask for what is not there."""
    faults: list[str] = []

    def note(kind: str, url: str, text: str) -> None:
        if not _is_dbts_own(url + text):
            faults.append(f"{kind} {url} {text}")

    opened = browser.new_page(viewport={"width": 1400, "height": 900})
    opened.set_default_timeout(PATIENCE * 1000)
    opened.on("requestfailed", lambda request: note("failed", request.url, request.failure))
    opened.on("response", lambda response: response.status < 400 or note("status", response.url, str(response.status)))
    opened.on("pageerror", lambda error: note("error", opened.url, str(error)))
    opened.on("console", lambda said: said.type == "error" and note("console", said.location["url"], said.text))
    yield opened
    opened.close()
    assert faults == []


def _is_dbts_own(text: str) -> bool:
    return any(own in unquote(text) for own in DBTS_OWN_FAULTS)


def _take_picture(page, name: str) -> None:
    if SCREENSHOTS:
        page.wait_for_timeout(1000)
        page.screenshot(path=Path(SCREENSHOTS, name))


def test_the_overview_shows_its_pictures_and_leads_on(page, address, manifest):
    page.goto(f"{address}#!/overview")
    for name in ("erd", "solution_architecture"):
        assert page.wait_for_selector(f"img[src='docs/assets/{name}.svg']").evaluate(IS_LOADED) > 500
    found = page.eval_on_selector_all(".panel-body a", "links => links.map(link => link.getAttribute('href'))")
    links = dict.fromkeys(found)
    assert len(links) > 15
    page.eval_on_selector("img[src*='erd.svg']", "image => image.scrollIntoView({block: 'end'})")
    _take_picture(page, "site_overview.png")
    for link in links:
        node = (manifest["nodes"] | manifest["exposures"])[link.rpartition("/")[2]]
        page.goto(address + link)
        page.wait_for_selector(f"h1:has-text({json.dumps(node.get('label') or node['name'])})")


def test_the_lineage_of_customer_details_is_drawn_with_its_ancestors(page, address, manifest):
    ancestors, found = set(), ["model.retail.customer_details"]
    while found:
        node = found.pop()
        ancestors.add(node)
        found += set(manifest["parent_map"][node]) - ancestors
    page.goto(f"{address}#!/model/model.retail.customer_details?g_v=1&g_i=%2Bcustomer_details")
    canvas = page.wait_for_selector("canvas[data-id='layer2-node']", state="visible")
    page.wait_for_function(f"({PIXELS_OF_GRAPH})(document.querySelector(\"canvas[data-id='layer2-node']\")) > 0")
    assert canvas.evaluate(PIXELS_OF_GRAPH) > 1000
    drawn = set(page.evaluate(NODES_OF_GRAPH))
    assert len(drawn) > 30
    assert drawn == {node for node in ancestors if node.partition(".")[0] in ("model", "seed", "source")}


def test_the_columns_of_rejected_records_are_described(page, address, sample, query):
    columns = query(
        sample,
        """
        select column_name from information_schema.columns where table_name = 'rejected_records'
        order by ordinal_position
        """,
    )
    page.goto(f"{address}#!/model/model.retail.rejected_records")
    page.wait_for_selector("h1:has-text('rejected_records')")
    rows = page.eval_on_selector_all(
        "tr.column-row", "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    )
    assert [row[0] for row in rows] == [column for (column,) in columns]
    assert all(row[1] and row[2] for row in rows), "each has a type and a description"


def test_the_rule_book_stands_below_the_columns_of_its_table(page, target, sample, query):
    rules = query(
        sample, "select rule_id from retail_staging.dq_rules where source_table = 'stores' order by rule_number"
    )
    page.goto(f"file://{target}/static_index.html#!/model/model.retail.stores")
    page.wait_for_selector("h1:has-text('stores')")
    shown = page.eval_on_selector_all(
        ".model-markdown td:first-child code", "cells => cells.map(cell => cell.innerText)"
    )
    assert shown == [rule for (rule,) in rules]
    tops = "elements => elements.map(element => element.getBoundingClientRect().top)"
    columns = page.eval_on_selector_all("tr.column-row", tops)
    assert max(columns) < min(page.eval_on_selector_all(".model-markdown pre, .model-markdown table", tops))
    assert columns[0] < 700
    assert "MERGE_ON" not in page.inner_text(".details").upper()
    assert "select store_region" in page.inner_text(".app-details")


def test_the_columns_of_the_static_copy_read_well(page, target):
    """Markdown is no raw text, and a table's constraints stand at its columns, or no heading for them."""
    page.goto(f"file://{target}/static_index.html#!/model/model.retail.inventory_levels")
    row = page.wait_for_selector("tr.column-row:has-text('store_id')")
    assert row.query_selector_all("td")[3].inner_text() == "PK FK"
    page.goto(f"file://{target}/static_index.html#!/model/model.retail.customer_360")
    row = page.wait_for_selector("tr.column-row:has-text('loyalty_status')")
    assert row.query_selector("code").inner_text() == "qualifying_tier" and "`" not in row.inner_text()
    headings = page.eval_on_selector_all("column-details th", "all => all.map(one => one.innerText.toUpperCase())")
    assert headings == ["COLUMN", "TYPE", "DESCRIPTION", "DATA TESTS", "MORE?"]
    assert "VERSION" not in page.inner_text(".details").upper()


def test_the_static_copy_needs_nothing_beside_it(page, target, tmp_path):
    shutil.copy(target / "static_index.html", tmp_path / "retail.html")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"file://{tmp_path}/retail.html#!/overview")
    page.wait_for_selector("img[src^='data:image/svg+xml']")
    pictures = page.query_selector_all(".panel-body img")
    assert [picture.evaluate(IS_LOADED) > 500 for picture in pictures] == [True, True]
    others = [url for url in asked if not url.startswith("data:") and "retail.html" not in url]
    assert [url for url in others if not _is_dbts_own(url)] == []


def test_the_lineage_of_columns_asks_for_nothing(page, target, tmp_path):
    files = ["--manifest", str(target / "manifest.json"), "--catalog", str(target / "catalog.json")]
    command = [PROGRAMS / "colibri", "generate", "--light", *files, "--output-dir", str(tmp_path)]
    said = subprocess.run(command, env=os.environ | {"DO_NOT_TRACK": "1"}, check=True, capture_output=True, text=True)
    assert "[ERROR]" not in said.stdout + said.stderr
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"file://{tmp_path}/index.html")
    page.wait_for_selector("text=models")
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
