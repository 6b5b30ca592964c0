"""What dbt's manifest says of the DAG: macros that a model calls, relations that its SQL reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Manifest = dict[str, Any]


def macros_behind(manifest: Manifest, model: str) -> set[str]:
    """Return the names of the macros that a model calls, directly or through others: what state:modified follows."""
    macros = manifest["macros"]
    found: set[str] = set()
    waiting = list(manifest["nodes"][f"model.retail.{model}"]["depends_on"]["macros"])
    while waiting:
        name = waiting.pop()
        if name not in found and name in macros:
            found.add(name)
            waiting += macros[name]["depends_on"]["macros"]
    return {name.rpartition(".")[2] for name in found}


def reads_without_an_edge(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Yield (model, relation) where compiled SQL reads a model or seed that the DAG does not know as its parent."""
    nodes = manifest["nodes"]
    owners = {
        node["relation_name"]: name
        for name, node in nodes.items()
        if node["resource_type"] in ("model", "seed") and node["relation_name"]
    }
    sources = {node["relation_name"] for node in manifest["sources"].values()}
    for name, node in nodes.items():
        if node["resource_type"] != "model" or not node.get("compiled_code"):
            continue
        # a name in quotes is only asked about
        for relation in set(re.findall(r"""(?<!')"\w+"\."\w+"\."\w+\"""", node["compiled_code"])):
            owner = owners.get(relation)
            if owner not in (None, name, *node["depends_on"]["nodes"]) and relation not in sources:
                yield name, relation
