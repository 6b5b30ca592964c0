"""Spark, reached as dbt's adapter reaches it."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from retail.contract import PROJECT_DIR
from retail.engines.environment import variable
from retail.errors import NotBuilt, RetailError, one_line


class SparkConnection:
    """A session in this process, or the Thrift server at SPARK_HOST."""

    def __init__(self) -> None:
        """Connect with the settings of profiles.yml.

        Raises:
            RetailError: Spark is not installed, or no server answers.
        """
        try:
            from dbt.adapters.spark.session import Connection as Session
            from pyhive import hive
        except ImportError as error:
            raise RetailError("Spark is not installed: type `make build TARGET=spark`") from error
        from dbt.config.runtime import load_profile
        from dbt.flags import set_from_args
        from dbt_common.context import set_invocation_context

        for name, default in (("SPARK_PORT", "10000"), ("SPARK_SHUFFLE_PARTITIONS", "8")):
            variable(name, default)
        set_invocation_context(os.environ)
        set_from_args(Namespace(PROFILES_DIR=str(PROJECT_DIR)), None)
        credentials: Any = load_profile(str(PROJECT_DIR), {}, target_override="spark").credentials
        if credentials.method == "session":
            self._connection: Any = Session(server_side_parameters=credentials.server_side_parameters)
            return
        try:
            self._connection = hive.connect(
                credentials.host,
                credentials.port,
                credentials.user,
                configuration=credentials.server_side_parameters,
            )
        except Exception as error:  # the errors of Thrift, Hive and the socket share no base class
            where = f"{credentials.host}:{credentials.port}"
            raise RetailError(f"no Thrift server answers at {where}: {one_line(str(error))}") from error

    def fetch(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of one statement.

        Raises:
            RetailError: Spark refuses the statement.
        """
        with self._refusals():
            cursor = self._connection.cursor()
            cursor.execute(statement)
            return [tuple(row) for row in cursor.fetchall()]

    def run(self, statement: str) -> None:
        """Run a statement that returns no rows.

        Raises:
            RetailError: Spark refuses the statement.
        """
        with self._refusals():
            self._connection.cursor().execute(statement)

    @staticmethod
    @contextmanager
    def _refusals() -> Iterator[None]:
        try:
            yield
        except Exception as error:  # each way to connect has its own class
            if "TABLE_OR_VIEW_NOT_FOUND" in str(error):
                raise NotBuilt("nothing is built yet: run `make build`") from error
            raise RetailError(f"Spark refused: {one_line(str(error))[:300]}") from error

    def close(self) -> None:
        """Disconnect from the server; a session ends with the process."""
        if hasattr(self._connection, "close"):
            self._connection.close()
