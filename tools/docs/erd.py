"""The entity-relationship diagram from dbt's manifest: as Mermaid for documents, as DOT for pictures.

The key of a table comes from its primary key constraint or from a uniqueness test. A relationship comes from a foreign
key constraint, which the database enforces, or from a `relationships` test, which each build runs. A test against
`stg_<table>` counts for the clean table, which has the same rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape
from typing import Any

# a reference as written, ref('stores'), or as compiled by dbt, "postgres"."retail"."stores"
_REF = re.compile(r"""(?:ref\('|\.")(\w+)['"]\)?$""")
# the kind of a table, by its folder, in reading order: a frame and a colour in the picture
_KINDS = {
    "quarantine": "Quarantine",
    "core": "Clean tables",
    "loyalty": "Loyalty and segments",
    "campaigns": "Campaigns",
    "marketing": "Promotions, stock and offers",
}
COLOURS = {
    "quarantine": "#fbe3dd",
    "core": "#d7e8f7",
    "loyalty": "#e6f2dc",
    "campaigns": "#f6ecd2",
    "marketing": "#ece3f4",
}
_FOLDERS = {"segmentation": "loyalty"}  # the others have the name of their kind
# drawn even without a key that refers to a drawn table
_ALWAYS = ("core", "campaigns", "marketing")
_LEGEND = r"PK key, FK refers to another table; solid: a foreign key of the database, dashed: tested by each build\n"
# where a table without a drawn key stands: to the right of one of the frame before its own
_LEFT_OF = {
    "core": "rejected_records",
    "loyalty": "customer_details",
    "campaigns": "customer_segments",
    "marketing": "products",
}
_MERMAID_ENDS = {"many": ("}o", "o{"), "some": ("}|", "|{"), "one": ("||", "||"), "optional": ("|o", "o|")}
_DOT_ENDS = {"many": "crowodot", "some": "crowtee", "one": "teetee", "optional": "teeodot"}


Node = dict[str, Any]  # of the manifest


@dataclass(frozen=True)
class Column:
    """A column of a drawn table; `marks` are PK and FK if they apply."""

    name: str
    type: str
    marks: tuple[str, ...]


@dataclass
class Table:
    """A drawn table, with its shown columns and the number of hidden ones."""

    name: str
    kind: str
    columns: list[Column] = field(default_factory=list)
    hidden: int = 0


@dataclass(frozen=True)
class Link:
    """A relationship: how many children a parent has, how many parents a child has, and whether it is enforced."""

    child: str
    child_column: str
    parent: str
    parent_column: str
    children: str
    parents: str
    enforced: bool


@dataclass(frozen=True)
class Erd:
    """The diagram, in an order that depends only on names."""

    tables: list[Table]
    links: list[Link]


def read(manifest: Node) -> Erd:
    """Return the diagram of dbt's manifest.json: rejects, clean tables, and what is computed from them."""
    nodes = {
        node["name"]: node
        for node in manifest["nodes"].values()
        if node["package_name"] == "retail" and node["resource_type"] in ("model", "seed")
    }
    tests = [node for node in manifest["nodes"].values() if node["resource_type"] == "test" and "test_metadata" in node]
    keys = {name: _keys(node, tests) for name, node in nodes.items()}
    links = {link.child + "." + link.child_column: link for link in _links(nodes, tests, keys)}
    kinds = {name: _kind(node) for name, node in nodes.items()}
    shown = {name for name, kind in kinds.items() if kind in _ALWAYS or name == "rejected_records"}
    shown |= {link.child for link in links.values() if link.parent in shown and kinds[link.child]}
    shown |= {link.parent for link in links.values() if link.child in shown}
    drawn = sorted(
        (link for link in links.values() if {link.child, link.parent} <= shown),
        key=lambda link: (link.child, link.child_column),
    )
    tables = [_table(nodes[name], kinds[name] or "loyalty", keys[name], drawn) for name in sorted(shown)]
    return Erd(sorted(tables, key=lambda table: list(_KINDS).index(table.kind)), drawn)


def _kind(node: Node) -> str | None:
    folders = node["fqn"][1:-1]
    if folders[:1] == ["marts"]:
        return None if node["name"].startswith("int_") else _FOLDERS.get(folders[1], folders[1])
    return "quarantine" if node["name"].startswith("rejected_record") else None


def _keys(node: Node, tests: list[Node]) -> list[frozenset[str]]:
    """Return the sets of columns that identify a row; the first is the key."""
    found = [frozenset(c["columns"]) for c in node.get("constraints", []) if c["type"] == "primary_key"]
    for test in tests:
        if test["attached_node"] == node["unique_id"]:
            asked = test["test_metadata"]["kwargs"]
            if test["test_metadata"]["name"] == "unique":
                found.append(frozenset([test["column_name"]]))
            elif test["test_metadata"]["name"] == "unique_combination_of_columns":
                found.append(frozenset(asked["combination_of_columns"]))
    if not found and "key" in node["config"]["meta"]:
        found.append(frozenset(node["config"]["meta"]["key"]))
    order = list(node["columns"])
    return sorted(found, key=lambda key: min(order.index(column) for column in key))


def _is_required(node: Node, column: str, tests: list[Node], keys: list[frozenset[str]]) -> bool:
    """Tell whether a column is never null: because of a key or a test, on the table or its staging model."""
    twins = (node["unique_id"], node["unique_id"].replace(f".{node['name']}", f".stg_{node['name']}"))
    return any(column in key for key in keys[:1]) or any(
        test["test_metadata"]["name"] == "not_null"
        or test["test_metadata"]["kwargs"].get("expression") == "is not null"
        for test in tests
        if test["attached_node"] in twins and test["column_name"] == column
    )


def _has_each(node: Node, parent: str, column: str, tests: list[Node]) -> bool:
    """Tell whether each parent has a row: by a test for as many rows, or by the column's meta."""
    return node["columns"][column]["config"]["meta"].get("every_parent_has_one", False) or any(
        test["test_metadata"]["name"] == "equal_rowcount"
        and test["test_metadata"]["kwargs"]["compare_model"] in (f"ref('{parent}')", f"ref('stg_{parent}')")
        for test in tests
        if test["attached_node"] == node["unique_id"]
    )


def _links(nodes: dict[str, Node], tests: list[Node], keys: dict[str, list[frozenset[str]]]) -> list[Link]:
    stated: dict[tuple[str, str], tuple[str, str, bool]] = {}
    by_id = {node["unique_id"]: name for name, node in nodes.items()}
    for test in tests:
        if test["test_metadata"]["name"] == "relationships" and test["attached_node"] in by_id:
            asked = test["test_metadata"]["kwargs"]
            child, column = by_id[test["attached_node"]], test["column_name"]
            stated[child, column] = (_clean(asked["to"], nodes), asked["field"], False)
    for name, node in nodes.items():
        for constraint in node.get("constraints", []):
            if constraint["type"] == "foreign_key":
                parent = _clean(constraint["to"], nodes)
                stated[name, constraint["columns"][0]] = (parent, constraint["to_columns"][0], True)
    found = []
    for (child, column), (parent, parent_column, enforced) in stated.items():
        if frozenset([parent_column]) not in keys[parent]:
            continue  # a test for one of the parent's values, no key
        has_each = _has_each(nodes[child], parent, column, tests)
        if frozenset([column]) in keys[child]:
            children = "one" if has_each else "optional"
        else:
            children = "some" if has_each else "many"
        parents = "one" if _is_required(nodes[child], column, tests, keys[child]) else "optional"
        found.append(Link(child, column, parent, parent_column, children, parents, enforced))
    return found


def _clean(reference: str, nodes: dict[str, Node]) -> str:
    name: str
    (name,) = _REF.findall(reference)
    clean = name.removeprefix("stg_")
    return clean if clean in nodes else name


def _table(node: Node, group: str, keys: list[frozenset[str]], links: list[Link]) -> Table:
    table = Table(node["name"], group)
    for column in node["columns"].values():
        marks = []
        if keys and column["name"] in keys[0]:
            marks.append("PK")
        if any((link.child, link.child_column) == (table.name, column["name"]) for link in links):
            marks.append("FK")
        # in a computed table, the keys show how it is connected
        if marks or group == "core" or table.name == "rejected_records":
            types = node["config"]["column_types"]  # a seed's
            kind = column["data_type"] or types.get(column["name"], "")
            table.columns.append(Column(column["name"], kind.replace(", ", ","), tuple(marks)))
        else:
            table.hidden += 1
    return table


def mermaid(erd: Erd) -> str:
    """Return the diagram as a Mermaid erDiagram; its links have the name of the child's column."""
    lines = ["erDiagram"]
    for table in erd.tables:
        lines.append(f"    {table.name} {{")
        for column in table.columns:
            # Mermaid knows no comma in a type
            kind = (column.type or "_").replace(" ", "_").replace(",", "-")
            lines.append(f"        {kind} {column.name}" + (f" {', '.join(column.marks)}" if column.marks else ""))
        lines.append("    }")
    for link in erd.links:
        left, right = _MERMAID_ENDS[link.parents][0], _MERMAID_ENDS[link.children][1]
        line = "--" if link.enforced else ".."
        lines.append(f"    {link.parent} {left}{line}{right} {link.child} : {link.child_column}")
    return "\n".join(lines) + "\n"


def dot(erd: Erd) -> str:
    """Return the diagram as DOT text: one frame per kind, crow's feet at the many side, dashes for tested links.

    What is computed stands to the right of what it is computed from; the frames then follow in the order of _KINDS.
    """
    kinds = {table.name: table.kind for table in erd.tables}
    lines = [
        "// Written by `make docs` from the models' YAML: change that.",
        "digraph erd {",
        "    graph [rankdir=LR, newrank=true, nodesep=0.3, ranksep=0.75, pad=0.15]",
        f'    graph [fontname="Source Sans Pro", fontsize=15, label="{_LEGEND}"]',
        '    node [shape=plain, fontname="Source Sans Pro", fontsize=13]',
        '    edge [dir=both, arrowsize=0.9, color="#4a5a6a"]',
    ]
    for kind, title in _KINDS.items():
        lines += [
            f"    subgraph cluster_{kind} {{",
            f'        graph [label=<<b>{title}</b>>, labeljust=l, style="rounded", color="#b8c4cf", margin=14]',
        ]
        lines += [f"        {_box(table)}" for table in erd.tables if table.kind == kind]
        lines.append("    }")
    for link in erd.links:
        style = "" if link.enforced else ", style=dashed"
        if kinds[link.child] in ("quarantine", "core"):
            ends = f"arrowtail={_DOT_ENDS[link.children]}, arrowhead={_DOT_ENDS[link.parents]}"
            tail, head = f"{link.child}:{link.child_column}_:e", f"{link.parent}:{link.parent_column}:w"
        else:
            ends = f"arrowtail={_DOT_ENDS[link.parents]}, arrowhead={_DOT_ENDS[link.children]}"
            tail, head = f"{link.parent}:{link.parent_column}_:e", f"{link.child}:{link.child_column}:w"
        lines.append(f"    {tail} -> {head} [{ends}{style}]")
    linked = {link.child for link in erd.links} | {link.parent for link in erd.links}
    alone = [table for table in erd.tables if table.kind in _LEFT_OF and table.name not in linked]
    lines += [f"    {_LEFT_OF[table.kind]} -> {table.name} [style=invis]" for table in alone]
    # the rejects refer to no table, and come first all the same
    lines += ["    rejected_records -> store_sales_line_items [style=invis, weight=4]"]
    return "\n".join([*lines, "}"]) + "\n"


def _box(table: Table) -> str:
    colour = COLOURS[table.kind]
    rows = [f'<tr><td colspan="3" bgcolor="{colour}"><b>{table.name}</b></td></tr>']
    for column in table.columns:
        name = f"<b>{column.name}</b>" if "PK" in column.marks else column.name
        rows.append(
            f'<tr><td align="left" sides="lb" port="{column.name}">{name}</td>'
            f'<td align="left" sides="b">{_faint(column.type)}</td>'
            f'<td align="right" sides="rb" port="{column.name}_">{_faint(" ".join(column.marks))}</td></tr>'
        )
    if table.hidden:
        rows.append(f'<tr><td colspan="3" align="left">{_faint(f"and {table.hidden} more columns")}</td></tr>')
    table_tag = '<table border="0" cellborder="1" cellspacing="0" cellpadding="3" color="#9aa7b3" bgcolor="white">'
    return f"{table.name} [label=<{table_tag}{''.join(rows)}</table>>]"


def _faint(text: str) -> str:
    return f'<font color="#5a6b7b">{escape(text)}</font>' if text else " "
