"""The engine in use, and the schema that it builds in."""

from __future__ import annotations

from collections.abc import Collection

from retail.engines.environment import variable
from retail.errors import OtherEngine


def marts_schema() -> str:
    """Return the schema of the marts, RETAIL_SCHEMA; the other schemas are named after it, such as retail_staging."""
    return variable("RETAIL_SCHEMA", "retail")


def target() -> str:
    """Return the engine in use, as profiles.yml names it: RETAIL_TARGET, postgres by default."""
    return variable("RETAIL_TARGET", "postgres")


def quoted(name: str, mark: str = '"') -> str:
    """Return a name as SQL writes it; Spark's mark is the backtick."""
    return mark + name.replace(mark, mark * 2) + mark


def check_target(command: str, engines: Collection[str], advice: str) -> str:
    """Return the engine in use, for a command that some engines lack.

    Args:
        command: What the user called.
        engines: The engines that have it.
        advice: What to do with another engine.

    Raises:
        OtherEngine: Another engine is in use.
    """
    name = target()
    if name not in engines:
        raise OtherEngine(f"{command} works on {' and '.join(engines)}, and RETAIL_TARGET is {name}: {advice}")
    return name
