"""The lanes of tests, each of which is a target of the Makefile; every test is in one of them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        lanes = {mark.name for mark in item.iter_markers()} & {"extended", "proof"}
        if len(lanes) > 1:
            raise pytest.UsageError(f"{item.nodeid} is in two lanes: {lanes}")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Show what `make proof` has proved: what the tests recorded under that name, added up."""
    if config.option.markexpr != "proof":
        return
    proved: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(int))
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            for what, figures in (value for name, value in report.user_properties if name == "proved"):
                proved[what][outcome] += 1
                proved[what]["seconds"] += report.duration
                for figure, value in figures.items():
                    proved[what][figure] += value
    terminalreporter.section("proved")
    for what, figures in proved.items():
        shown = ", ".join(f"{value:,.0f} {figure}" for figure, value in figures.items())
        terminalreporter.write_line(f"{what:40} {shown}")
