"""`python -m tools.strict_parse`: parse the project and forgive nothing.

dbt checks YAML against its JSON schemas for some adapters only, and PostgreSQL's is not among them, so misplaced and
misspelled keys pass in silence. Here the check is switched on, by a name that is private to the pinned dbt-core, and
every warning is an error. The manifest that the parse leaves in target/lint is what dbt-bouncer looks at.
"""

from __future__ import annotations

import sys

from dbt.cli.main import dbtRunner
from dbt.jsonschemas import jsonschemas

from retail.contract import PROJECT_DIR


def main() -> int:
    """Return 0 if the project parses without a warning, else 1; dbt prints what it found."""
    jsonschemas._JSONSCHEMA_SUPPORTED_ADAPTERS.add("postgres")
    target = str(PROJECT_DIR / "target" / "lint")
    places = ["--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR), "--target-path", target]
    quiet = ["--quiet", "--log-path", target]
    strict = ["--warn-error-options", "{error: all}", "--show-all-deprecations", "--no-partial-parse"]
    result = dbtRunner().invoke([*quiet, *strict, "parse", *places])
    if result.exception:
        print(result.exception, file=sys.stderr)  # noqa: T201 (a linter's finding)
    return 0 if result.success else 1


if __name__ == "__main__":
    sys.exit(main())
