"""`python -m tools.docs`: write the generated documents, and put the site into one file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click

from retail.contract import PROJECT_DIR
from retail.errors import RetailError
from retail.reports.rules import as_document, rule_books
from tools.docs import erd, lineage, site
from tools.docs.drawing import draw

DOCS = PROJECT_DIR / "docs"
RULE_BOOK = DOCS / "rule_book.md"
SETTINGS = DOCS / "settings.md"
RULE_BLOCKS = PROJECT_DIR / "models" / "docs" / "rule_books.md"
ERD = DOCS / "ERD.md"
ARCHITECTURE = DOCS / "Solution_Architecture.dot"
# picture: its SVG in docs/assets for the site; the PNG in docs/ has the name of the picture
PICTURES = {"ERD": "erd.svg", "Lineage": "lineage.svg", "Solution_Architecture": "solution_architecture.svg"}
_PNG_WIDTH = 1600


@click.group()
def main() -> None:
    """Write the documentation; `make docs` calls these commands in order."""


@main.command()
@click.argument("target", type=click.Path(path_type=Path))
def write(target: Path) -> None:
    """Write the rule books, the settings, the ERD and the pictures, from what dbt left in the folder TARGET.

    That is the manifest with dq_rules compiled, whose query reads no tables, and settings.json.
    """
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    compiled = manifest["nodes"]["model.retail.dq_rules"].get("compiled_code")
    if not compiled:
        raise RetailError("dq_rules is not compiled: run `make docs`")
    books = rule_books(f"({compiled})")
    RULE_BOOK.write_text(rule_book(RULE_BOOK.read_text(encoding="utf-8"), books), encoding="utf-8")
    RULE_BLOCKS.write_text(rule_blocks(books), encoding="utf-8")
    settings = json.loads((target / "settings.json").read_text(encoding="utf-8"))
    SETTINGS.write_text(settings_document(SETTINGS.read_text(encoding="utf-8"), settings), encoding="utf-8")
    diagram = erd.read(manifest)
    ERD.write_text(erd_document(diagram), encoding="utf-8")
    for name, source in picture_sources(diagram, manifest).items():
        draw(source, DOCS / "assets" / PICTURES[name], DOCS / f"{name}.png", _PNG_WIDTH)


@main.command()
@click.argument("target", type=click.Path(path_type=Path))
def static(target: Path) -> None:
    """Write TARGET/static_index.html, the site in one file, from what `dbt docs generate` left there."""
    template = (target / "index.html").read_text(encoding="utf-8")
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    catalog = json.loads((target / "catalog.json").read_text(encoding="utf-8"))
    page = target / "static_index.html"
    rows = site.sample_rows(manifest)
    page.write_text(site.one_file(template, manifest, catalog, rows), encoding="utf-8")
    if not catalog["nodes"]:
        click.echo("nothing is built yet, so the pages lack column types: `make build`, then `make docs` again")
    click.echo(f"the documentation in one file, to open in a browser or to send on: {page}")
    columns = target / "lineage" / "index.html"
    if columns.exists():
        click.echo(f"where each column comes from, in another: {columns}")


def picture_sources(diagram: erd.Erd, manifest: dict[str, Any]) -> dict[str, str]:
    """Return the DOT text of each picture, by name."""
    architecture = ARCHITECTURE.read_text(encoding="utf-8")
    return {"ERD": erd.dot(diagram), "Lineage": lineage.dot(manifest), "Solution_Architecture": architecture}


def erd_document(diagram: erd.Erd) -> str:
    """Return docs/ERD.md."""
    return f"""# Entity-relationship diagram

Written by `make docs` from the models' YAML. Solid lines are foreign keys of the database; dashed ones are tested by
each build. Computed tables show only their keys. Mermaid allows no comma in a type: `numeric(10-2)` is numeric(10,2).
As a picture: [ERD.png](ERD.png).

```mermaid
{erd.mermaid(diagram)}```
"""


def rule_book(document: str, books: dict[str, str]) -> str:
    """Return docs/rule_book.md with new tables under its old introduction."""
    return document[: document.index("## ")] + as_document(books)


def rule_blocks(books: dict[str, str]) -> str:
    """Return the rule books as one doc block per table, for the page of the table."""
    blocks = [
        f"{{% docs rules_of_{table} %}}\n"
        f"**Rule book.** An `error` rejects the row of {table}; a `warn` keeps and counts it. The var rule_severity "
        f"can't relax a `fixed` rule.\n\n{book}{{% enddocs %}}\n"
        for table, book in books.items()
    ]
    return "<!-- Written by `make docs` from macros/rule_books/. -->\n\n" + "\n".join(blocks)


def settings_document(document: str, settings: dict[str, dict[str, Any]]) -> str:
    """Return docs/settings.md with its table from the vars and the rest as it was."""
    rows = [
        f"| `{name}` | {_shown_default(setting)} | {setting['allowed']} | {setting['meaning']} |\n"
        for name, setting in settings.items()
    ]
    return re.sub(r"(?<=^\|---\|---\|---\|---\|\n)(\|.*\n)+", lambda _: "".join(rows), document, flags=re.MULTILINE)


def _shown_default(setting: dict[str, Any]) -> str:
    default = setting["default"]
    if default is None:
        return str(setting["otherwise"])
    return f"`{default}`" if isinstance(default, str | dict) else json.dumps(default)


if __name__ == "__main__":
    main(prog_name="python -m tools.docs")
