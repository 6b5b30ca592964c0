"""The engine in use, and the schema that it builds in."""

from __future__ import annotations

import os
from collections.abc import Collection

from retail.errors import OtherEngine, RetailError

TARGETS = ("postgres", "duckdb", "spark")


def marts_schema() -> str:
    """Return the schema of the marts; staging, seeds, history and landing stand beside it, under its name."""
    return os.environ.get("RETAIL_SCHEMA", "retail")


def target() -> str:
    """Return the engine in use, as profiles.yml names it: postgres, or what RETAIL_TARGET says.

    Raises:
        RetailError: RETAIL_TARGET names no engine.
    """
    name = os.environ.get("RETAIL_TARGET", "postgres")
    if name not in TARGETS:
        raise RetailError(f"RETAIL_TARGET is {name!r}: use {', '.join(TARGETS[:-1])} or {TARGETS[-1]}")
    return name


def check_target(command: str, engines: Collection[str], advice: str) -> str:
    """Return the engine in use, for a command that not every engine has.

    Args:
        command: What the user called.
        engines: Those that have it.
        advice: What to do with another one.

    Raises:
        OtherEngine: It is another one.
    """
    name = target()
    if name not in engines:
        raise OtherEngine(f"{command} is for {' and '.join(engines)}, and RETAIL_TARGET is {name}: {advice}")
    return name
