"""What each start of dbt would import and generate anew: `programs.py` has its server import it once.

The parsed project has no model: dbt's parser of models has threads, and no fork gets past those.
"""

from __future__ import annotations

import contextlib
import gc
import io
import tempfile
from pathlib import Path

import sqlparse  # noqa: F401
from dbt.cli.main import dbtRunner

import retail.cli  # noqa: F401
from retail.contract import PROJECT_DIR

with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
    Path(folder, "dbt_project.yml").write_text("{name: nothing, profile: retail}", encoding="utf-8")
    places = ["--project-dir", folder, "--profiles-dir", str(PROJECT_DIR), "--target", "postgres"]
    for _ in range(2):  # the second time, what the first one left is read
        dbtRunner().invoke(["--log-level-file", "none", "parse", *places])
gc.collect()
gc.freeze()  # a collection in a fork would copy every page
