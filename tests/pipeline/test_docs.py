"""What is written and drawn from the project is what the project says: the sources are compared, never pixels."""

from __future__ import annotations

import json
import re

import pytest

from retail.contract import PROJECT_DIR
from tools.docs import __main__ as docs
from tools.docs import erd, site
from tools.docs.drawing import digest, drawn_from

pytestmark = pytest.mark.extended


@pytest.fixture(scope="module")
def diagram(manifest) -> erd.Erd:
    return erd.read(manifest)


def test_the_erd_is_that_of_the_models(diagram):
    assert docs.ERD.read_text(encoding="utf-8") == docs.erd_document(diagram), "run `make docs`"


@pytest.mark.parametrize("name", docs.PICTURES)
def test_the_pictures_were_drawn_from_their_sources(diagram, manifest, name):
    source = digest(docs.picture_sources(diagram, manifest)[name])
    for picture in (docs.DOCS / "assets" / docs.PICTURES[name], docs.DOCS / f"{name}.png"):
        assert drawn_from(picture) == source, f"{picture.name}: run `make docs`"


def test_the_rule_books_of_the_site_are_those_of_the_build(sample, monkeypatch):
    for variable, value in sample.items():
        monkeypatch.setenv(variable, value)
    books = docs.rule_books("retail_staging.dq_rules")
    assert docs.RULE_BLOCKS.read_text(encoding="utf-8") == docs.rule_blocks(books), "run `make docs`"


def test_the_settings_are_those_of_the_project(server, run_program):
    settings = json.loads(run_program(server, "dbt", "--quiet", "run-operation", "print_settings").stdout)
    document = docs.SETTINGS.read_text(encoding="utf-8")
    assert docs.settings_document(document, settings) == document, "run `make docs`"


def test_the_erd_has_the_clean_tables_and_every_key_of_the_database(diagram, sample, query):
    drawn = {table.name: table for table in diagram.tables}
    found = query(
        sample,
        """
        select cast(conrelid as regclass)::text, contype, attname
        from pg_constraint
        inner join pg_attribute on attrelid = conrelid and attnum = any(conkey)
        where connamespace = 'retail'::regnamespace and contype in ('p', 'f')
        """,
    )
    assert len(found) > 10
    marks = {"p": "PK", "f": "FK"}
    for table, kind, column in found:
        (shown,) = [each for each in drawn[table.removeprefix("retail.")].columns if each.name == column]
        assert marks[kind] in shown.marks
    assert len([table for table in diagram.tables if table.kind == "core"]) == 9
    assert {"rejected_records", "customer_purchases", "campaign_results", "stock_outs"} <= set(drawn)
    assert list(dict.fromkeys(table.kind for table in diagram.tables)) == list(erd.COLOURS)


def test_the_types_that_are_stated_are_those_of_the_database(manifest, sample, query):
    """Also where no contract enforces them."""
    present = query(
        sample,
        """
        select relname, attname, format_type(atttypid, atttypmod)
        from pg_attribute
        inner join pg_class on pg_class.oid = attrelid
        where relnamespace::regnamespace::text like 'retail%' and attnum > 0 and not attisdropped
        """,
    )
    known = {(table, column): kind for table, column, kind in present}
    names = {"varchar": "character varying", "timestamp": "timestamp without time zone"}
    stated = {
        (node["name"], column["name"]): re.sub(r"^\w+", lambda kind: names.get(kind[0], kind[0]), column["data_type"])
        for node in manifest["nodes"].values()
        for column in node.get("columns", {}).values()
        if column["data_type"]
    }
    assert len(stated) > 50
    assert {key: kind.replace(", ", ",") for key, kind in stated.items()} == {key: known[key] for key in stated}


def test_the_architecture_names_what_is_there(manifest):
    nodes = [*manifest["nodes"].values(), *manifest["sources"].values()]
    present = {node["name"] for node in nodes}
    text = docs.ARCHITECTURE.read_text(encoding="utf-8").replace("\\n", " ")
    labels = re.findall(r"label=(<.*>|\".*\")", text)
    named = set(re.findall(r"\b[a-z]+(?:_[a-z0-9]+)+\b", " ".join(labels)))
    assert len(named) > 20
    assert named <= present
    models = [node for node in nodes if node["resource_type"] == "model"]
    tables = {node["name"] for node in models if node["fqn"][1] in ("marts", "history")}
    tables = {name for name in tables if not name.startswith("int_")}  # steps on the way
    assert tables - named - {"as_of"} == {"stores", "products"}, "words of their own in the picture"
    frames = dict(re.findall(r"\n {8}subgraph cluster_(\w+) {(.*?)\n {8}}", text, re.DOTALL))
    for model in models:
        if model["name"] in named:
            place = "quarantine" if "quarantine" in model["config"]["tags"] else model["fqn"][1]
            frame = "staging" if model["name"] == "circuit_breaker" else place  # it stands between the two
            assert re.search(rf"\b{model['name']}\b", frames[frame]), f"{model['name']} belongs to {frame}"


def test_the_overview_leads_to_what_is_there(manifest):
    text = (PROJECT_DIR / "docs" / "overview.md").read_text(encoding="utf-8")
    links = re.findall(r"\[(.*?)\]\(#!/(\w+)/([\w.]+)\)", text)
    assert len(links) > 20
    for _, kind, target in links:
        assert (manifest["exposures"] if kind == "exposure" else manifest["nodes"])[target]["resource_type"] == kind


PERSONAL = {"first_name": "direct", "email": "direct", "raw_record": "direct", "customer_id": "pseudonym"}


def test_personal_data_are_marked_wherever_they_stand(manifest):
    nodes = [*manifest["nodes"].values(), *manifest["sources"].values()]
    for node in nodes:
        for column in node.get("columns", {}).values():
            expected = PERSONAL.get(column["name"], PERSONAL.get(column["name"].removeprefix("raw_")))
            assert column["config"]["meta"].get("personal_data") == expected, (node["name"], column["name"])


def test_what_is_for_people_has_an_owner(manifest):
    groups = {group["name"]: group["owner"]["name"] for group in manifest["groups"].values()}
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    assert {model["config"]["group"] for model in models} == set(groups)
    assert all(model["config"]["docs"]["node_color"] and model["config"]["tags"] for model in models)
    owners = {exposure["owner"]["name"] for exposure in manifest["exposures"].values()}
    assert owners <= set(groups.values())


def test_the_static_copy_takes_its_pictures_in():
    page = site.with_pictures("a ![picture](docs/assets/erd.svg) and [a link](docs/rule_book.md)")
    assert page.startswith("a ![picture](data:image/svg+xml;base64,")
    assert page.endswith(") and [a link](docs/rule_book.md)")


def test_each_public_mart_has_an_example_that_runs(manifest, sample, query):
    marts = {
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["fqn"][1] == "marts" and node["access"] == "public"
    }
    blocks = {
        block["name"].removeprefix("example_"): block["block_contents"]
        for block in manifest["docs"].values()
        if block["name"].startswith("example_")
    }
    assert set(blocks) == marts
    for name, block in blocks.items():
        (statement,) = re.findall(r"```sql\n(.*?);\n```", block, re.DOTALL)
        assert f".{name}" in statement
        query(sample, statement)


def test_the_site_shows_rows_without_personal_data(manifest, sample, monkeypatch):
    for variable, value in sample.items():
        monkeypatch.setenv(variable, value)
    rows = site.sample_rows(manifest)
    shown = rows["model.retail.customer_details"].splitlines()
    assert len([line for line in shown if line.startswith("| •••")]) == site.ROWS
    assert "@" not in rows["model.retail.customer_details"]
    assert rows["model.retail.campaign_results"] == "**Rows.** The table is empty."
    assert "•••" not in rows["model.retail.stores"]


def test_the_site_has_no_switches_of_our_macros(manifest):
    shown = site.shown(manifest, {})
    header = shown["nodes"]["model.retail.store_sales_header"]
    assert header["config"]["materialized"] == "table"
    assert header["config"]["meta"] == header["meta"] == {}
    assert "Rule book" not in header["description"]
    assert "Rule book" in header["after_columns"]
    assert shown["sources"]["source.retail.landing.repairs"]["docs"] == {"show": False}
