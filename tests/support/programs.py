"""Where `dbt` and `retail` are installed."""

from __future__ import annotations

import sys
from pathlib import Path

PROGRAMS = Path(sys.executable).parent
