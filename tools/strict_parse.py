"""`python -m tools.strict_parse`: parse the project, with every warning as an error.

dbt checks YAML against its JSON schemas for some adapters only, and ignores wrong keys for the others, which ours are.
This switches the check on, by a private name of the pinned dbt-core. dbt-bouncer then reads target/lint, where the
parse writes its manifest.
"""

from __future__ import annotations

import sys

from dbt.cli.main import dbtRunner
from dbt.jsonschemas import jsonschemas

from retail.contract import PROJECT_DIR
from retail.engines.target import target


def main() -> int:
    """Return 0 if the project parses without a warning, else 1; dbt prints its findings."""
    jsonschemas._JSONSCHEMA_SUPPORTED_ADAPTERS.add(target())
    folder = str(PROJECT_DIR / "target" / "lint")
    places = ["--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR), "--target-path", folder]
    quiet = ["--quiet", "--log-path", folder]
    strict = ["--warn-error-options", "{error: all}", "--show-all-deprecations", "--no-partial-parse"]
    result = dbtRunner().invoke([*quiet, *strict, "parse", *places])
    if result.exception:
        print(result.exception, file=sys.stderr)  # noqa: T201 (a linter's finding)
    return 0 if result.success else 1


if __name__ == "__main__":
    sys.exit(main())
