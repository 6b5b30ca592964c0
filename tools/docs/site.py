"""The documentation site in one file: dbt's page, with the table first and the rest after its columns.

dbt's page is a template with the manifest and the catalog put in. It has no option for the order of a page, so this
changes the template, each place by its text: another version of dbt, with another text, fails here.
"""

from __future__ import annotations

import base64
import json
import re
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from retail.contract import PROJECT_DIR
from retail.engines.connections import AnyConnection, connect_to, fetch
from retail.engines.target import quoted, target
from retail.errors import RetailError

Node = dict[str, Any]  # of the manifest

ROWS = 10
_WIDEST_CELL = 40
_TYPES = {".svg": "image/svg+xml", ".png": "image/png"}
_KINDS = {"amended_table": "table", "incremental": "table that grows"}
_RULE_BOOK = "**Rule book.**"
_MORE = "after_columns"
# the template of a model's page, and the end of its columns, escaped as they stand in dbt's script
_MODEL_PAGE = "/docs/model.html"
_AFTER_COLUMNS = r'<column-details model="model" />\n                </div>\n            </section>\n'
_SECTION = (
    rf'<section class="section" ng-if="model.{_MORE}"><div class="section-content"><h6>Example, rows, rules</h6>'
    r'<div class="panel"><div class="panel-body"><div class="model-markdown" style="overflow-x: auto" '
    rf'marked="model.{_MORE}"></div></div></div></div></section>\n'
)

_OTHER_VERSION = "tools/docs/site.py is made for another version of dbt"
_CONSTRAINT = (
    r'<span class="text-light" ng-show="!column.expanded">\n'
    + " " * 32
    + (r'<span data-toggle="tooltip" title="Not Null" ng-if="has_constraint(')
)
_IF_CONSTRAINED = 'ng-if="model.constraints.length"'
# dbt's text about a column, and ours
_CHANGES = {
    # of the description dbt shows a dozen letters, and those as they are written in YAML
    "text-overflow: ellipsis; overflow-x: hidden; white-space: nowrap; max-width: 1px;": (
        "min-width: 14em; width: 50%; white-space: normal;"
    ),
    '<span ng-show="!column.expanded">{{ column.description }}</span>': (
        '<span ng-show="!column.expanded" marked="column.description"></span>'
    ),
    # constraints only where a table has some
    ">Constraints</th>": f" {_IF_CONSTRAINED}>Constraints</th>",
    rf"<td>\n{' ' * 28}{_CONSTRAINT}": rf"<td {_IF_CONSTRAINED}>\n{' ' * 28}{_CONSTRAINT}",
    # one page to scroll, no table to scroll within it
    rf'style="max-height: 800px; overflow-y: scroll;"\n{" " * 13}ng-if="!_.isEmpty(model.columns)"': (
        'ng-if="!_.isEmpty(model.columns)"'
    ),
}
# what dbt shows of a model beside its name, of which it cuts off the last ones
_STYLE = (
    "<style>.details .detail-body { display: block; overflow: visible; white-space: normal; }"
    " .column-row td p { margin: 0; }</style>"
)


def one_file(template: str, manifest: Node, catalog: Node, rows: dict[str, str]) -> str:
    """Return the site.

    Args:
        template: dbt's index.html, which names the places of the two files.
        manifest: dbt's manifest.json.
        catalog: dbt's catalog.json.
        rows: Some rows of each table as Markdown, by its unique_id.
    """
    content = shown(manifest, rows)
    page = _with_section(template)
    for name, data in (("MANIFEST", content), ("CATALOG", catalog)):
        place = f'"{name}.JSON INLINE DATA"'
        if place not in page:
            raise RetailError(f"dbt's page has no place for {place}: {_OTHER_VERSION}")
        page = page.replace(place, json.dumps(data).replace("</", "<\\/"))
    return with_pictures(page)


def _with_section(template: str) -> str:
    """Return the template with a section after the columns of a model, and room for what is said of a column."""
    start = template.find(f'"{_MODEL_PAGE}"')
    place = template.find(_AFTER_COLUMNS, start)
    if start < 0 or place < 0 or not all(text in template for text in _CHANGES):
        raise RetailError(f"dbt's page of a model looks different: {_OTHER_VERSION}")
    end = place + len(_AFTER_COLUMNS)
    page = template[:end] + _SECTION + template[end:]
    for text, ours in _CHANGES.items():
        page = page.replace(text, ours)
    return page.replace("</head>", _STYLE + "</head>", 1)


def shown(manifest: Node, rows: dict[str, str]) -> Node:
    """Return the manifest as the site shows it: no switches of our macros, no unused sources in the graph."""
    nodes = {name: _shown_node(node, manifest, rows.get(name, "")) for name, node in manifest["nodes"].items()}
    sources = {
        name: source | {"docs": {"show": bool(manifest["child_map"].get(name))}}
        for name, source in manifest["sources"].items()
    }
    return manifest | {"nodes": nodes, "sources": sources}


def _shown_node(node: Node, manifest: Node, rows: str) -> Node:
    if node["resource_type"] not in ("model", "seed"):
        return node
    description, _, rules = node["description"].partition(_RULE_BOOK)
    example = manifest["docs"].get(f"doc.retail.example_{node['name']}", {}).get("block_contents", "")
    more = ["**Example.** " + example if example else "", rows, _RULE_BOOK + rules if rules else ""]
    kind = _KINDS.get(node["config"]["materialized"], node["config"]["materialized"])
    # a version that no model has would be shown as an empty one
    stated = {name: value for name, value in node.items() if name != "version" or value is not None}
    return stated | {
        "description": description.rstrip(),
        "columns": {name: column | _constraints_of(name, node) for name, column in node["columns"].items()},
        _MORE: "\n\n".join(part for part in more if part),
        "config": node["config"] | {"meta": {}, "materialized": kind},
        "meta": {},
    }


def _constraints_of(column: str, node: Node) -> Node:
    """Return the table's constraints that name a column: dbt's page shows only those that stand at the column."""
    found = [constraint for constraint in node.get("constraints", []) if column in constraint["columns"]]
    return {"constraints": [constraint | _in_words(constraint) for constraint in found]}


def _in_words(constraint: Node) -> Node:
    parent = (constraint["to"] or "").split(".")[-1].strip('`"')
    to = f"{parent} ({', '.join(constraint['to_columns'])})" if parent else ""
    return {"name": ", ".join(constraint["columns"]), "expression": to}


def sample_rows(manifest: Node) -> dict[str, str]:
    """Return ten rows of each built mart as Markdown, by its unique_id; personal data are masked."""
    marts = {
        name: node
        for name, node in manifest["nodes"].items()
        if node["resource_type"] == "model" and node["fqn"][1] == "marts" and node["access"] == "public"
    }
    with closing(connect_to(target(), read_only=True)) as connection:
        built = {
            tuple(row) for row in fetch(connection, "select table_schema, table_name from information_schema.tables")
        }
        return {
            name: _as_markdown(node, connection)
            for name, node in marts.items()
            if (node["schema"], node["name"]) in built
        }


def _as_markdown(node: Node, connection: AnyConnection) -> str:
    columns = list(node["columns"].values())
    names = ", ".join(quoted(column["name"]) for column in columns)
    relation = f"{quoted(node['schema'])}.{quoted(node['name'])}"
    found = fetch(connection, f"select {names} from {relation} order by 1, 2 limit {ROWS}")  # noqa: S608 (quoted names)
    if not found:
        return "**Rows.** The table is empty."
    masked = [bool(column["config"]["meta"].get("personal_data")) for column in columns]
    lines = ["| " + " | ".join(column["name"] for column in columns) + " |", "|---" * len(columns) + "|"]
    for row in found:
        cells = ("•••" if hide and value is not None else _cell(value) for value, hide in zip(row, masked, strict=True))
        lines.append("| " + " | ".join(cells) + " |")
    hidden = " Personal data are masked." if any(masked) else ""
    return f"**Rows.** The first {len(found)}.{hidden}\n\n" + "\n".join(lines)


def _cell(value: object) -> str:
    text = "" if value is None else f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
    text = text if len(text) <= _WIDEST_CELL else text[: _WIDEST_CELL - 1] + "…"
    return re.sub(r"([|\\`*_<>\[\]])", r"\\\1", text).replace("\n", " ")


def with_pictures(page: str) -> str:
    """Return the page with each picture of docs/assets as a data URI."""

    def inlined(match: re.Match[str]) -> str:
        file = Path(PROJECT_DIR, match.group(1))
        return f"](data:{_TYPES[file.suffix]};base64,{base64.b64encode(file.read_bytes()).decode()})"

    return re.sub(r"\]\((docs/assets/[\w.-]+)\)", inlined, page)
