"""A plugin of dbt: what dbt writes for this project can be read by its user only, whatever the umask.

Logs, results and DuckDB's file may hold rows of customers. dbt imports every module whose name begins with `dbt_`, once
it has read the project, and before it connects to a database. By then it has opened its log.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from dbt.flags import get_flags
from dbt.plugins.manager import dbtPlugin

from retail.contract import PROJECT_DIR


class OwnFiles(dbtPlugin):  # noqa: D101 (the module says it)
    def initialize(self) -> None:
        """Close files to others."""
        if self.project_name != "retail":
            return
        os.umask(0o077)
        logs = Path(get_flags().LOG_PATH).absolute()  # type: ignore[no-untyped-call]
        with suppress(OSError):  # another user's
            for file in logs.glob("dbt.log*"):
                file.chmod(0o600)
            if logs == PROJECT_DIR / "logs":  # any other folder may have other uses
                logs.chmod(0o700)


plugins = [OwnFiles]
