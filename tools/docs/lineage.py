"""Where a table comes from, as DOT text: its ancestors up to some steps away, in the colours of dbt's graph."""

from __future__ import annotations

from typing import Any

Node = dict[str, Any]  # of the manifest

TABLE = "customer_details"
_STEPS = 3
# work tables leave the picture, and what they read takes their place; the breaker only lets the build go on
_WORK_TABLES = ("int_", "as_of")
_GATE = "circuit_breaker"


def dot(manifest: Node) -> str:
    """Return the picture of what customer_details is built from."""
    start = f"model.retail.{TABLE}"
    shown, edges, last = {start}, set(), {start}
    for _ in range(_STEPS):
        found = {(parent, child) for child in last for parent in _parents(manifest, child)}
        edges |= found
        last = {parent for parent, _ in found} - shown
        shown |= last
    nodes = {name: manifest["nodes"][name] for name in shown}
    lines = [
        "// Written by `make docs` from the models: change them.",
        "digraph lineage {",
        "    graph [rankdir=LR, nodesep=0.2, ranksep=0.9, pad=0.15]",
        '    node [shape=box, style="filled,rounded", color=white, fontcolor=white]',
        '    node [fontname="Source Sans Pro", fontsize=15]',
        '    edge [color="#4a5a6a", penwidth=1.2]',
    ]
    lines += [
        f'    {node["name"]} [fillcolor="{node["config"]["docs"]["node_color"]}"]'
        for node in sorted(nodes.values(), key=lambda node: str(node["name"]))
    ]
    names = sorted((nodes[parent]["name"], nodes[child]["name"]) for parent, child in edges)
    lines += [f"    {parent} -> {child}" for parent, child in names]
    return "\n".join([*lines, "}"]) + "\n"


def _parents(manifest: Node, name: str) -> set[str]:
    """Return the models that a node reads, also through work tables."""
    parents = set()
    for parent in manifest["parent_map"][name]:
        kind, _, short = parent.split(".")[:3]
        if kind == "model" and short.startswith(_WORK_TABLES):
            parents |= _parents(manifest, parent)
        elif kind == "model" and short != _GATE:
            parents.add(parent)
    return parents
