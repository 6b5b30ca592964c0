"""`retail`: the command line beside dbt."""

from __future__ import annotations

import errno
import os
from difflib import get_close_matches
from importlib import import_module
from importlib.util import find_spec

import click

from retail.errors import RetailError
from retail.scratch import ending_cleanly

# command: its module, imported on first use, so that `retail psql` does not wait for the imports of `load`
_COMMANDS = {
    "up": "retail.engines.server",
    "down": "retail.engines.server",
    "psql": "retail.engines.server",
    "deps": "retail.packages",
    "generate": "retail.generate",
    "load": "retail.loading.command",
    "summary": "retail.reports.summary",
    "lists": "retail.reports.lists",
    "rejects": "retail.quarantine.export",
    "history": "retail.quarantine.history",
    "rules": "retail.reports.rules",
    "page": "retail.page",
    "cluster": "tools.cluster",
}


def _is_here(module: str) -> bool:
    """Tell whether the command is part of this installation: the wheel has no tools for developers."""
    return find_spec(module.partition(".")[0]) is not None


class _LazyGroup(click.Group):
    """A group whose commands are imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, module in _COMMANDS.items() if _is_here(module)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _COMMANDS.get(cmd_name)
        return getattr(import_module(module), cmd_name) if module and _is_here(module) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = get_close_matches(args[0], self.list_commands(ctx), n=1)
            if not near:
                raise
            raise click.UsageError(f"{error.message} Did you mean '{near[0]}'?", ctx) from error

    def invoke(self, ctx: click.Context) -> None:
        try:
            with ending_cleanly():
                super().invoke(ctx)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # click ends without a word, as `retail summary | head` expects
            place = error.filename or "the output"
            raise RetailError(f"{place} can't be read or written: {error.strerror or error}") from error


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="retail")
def main() -> None:
    """Run the database server, install packages, generate sample data, load files and print reports.

    RETAIL_TARGET selects the engine: postgres, duckdb or spark. RETAIL_SCHEMA selects another schema than `retail`.
    PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE select another PostgreSQL than the embedded one, RETAIL_DUCKDB
    another file than warehouse.duckdb, SPARK_HOST, SPARK_PORT and SPARK_USER a Thrift server. dbt reads the same
    variables.
    """
    os.umask(0o077)  # files may hold rows of customers
