"""The command line says what it can do, whole, and helps who mistypes."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from retail.cli import _COMMANDS, main
from retail.contract import PROJECT_DIR


def printed(*arguments: str) -> str:
    return CliRunner().invoke(main, arguments, terminal_width=80).output


def test_each_command_is_described_on_one_line():
    lines = printed("--help").partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in lines] == list(_COMMANDS)
    assert not [line for line in lines if line.endswith("...")]


def test_an_installation_without_the_project_offers_no_cluster(monkeypatch):
    monkeypatch.setattr("retail.cli.find_spec", lambda module: None if module == "tools" else module)
    assert [line.split()[0] for line in printed("--help").partition("Commands:\n")[2].splitlines()] == [
        name for name in _COMMANDS if name != "cluster"
    ]
    assert "No such command 'cluster'" in printed("cluster", "up")


@pytest.mark.parametrize(("typed", "meant"), [("sumary", "summary"), ("pages", "page"), ("loda", "load")])
def test_a_mistyped_command_is_recognized(typed, meant):
    assert f"No such command '{typed}'. Did you mean '{meant}'?" in printed(typed)


def test_what_is_no_command_at_all_is_not():
    assert "Did you mean" not in printed("xyzzy")


@pytest.mark.parametrize("price", ["nan", "inf", "-1", "1e300"])
def test_a_point_has_a_price_that_can_be_multiplied(price):
    """Refused before anything is read."""
    result = CliRunner().invoke(main, ["page", "--point-price", price])
    assert result.exit_code == 2 and "Invalid value for '--point-price'" in result.output


def test_a_full_disk_behind_the_output_costs_one_line(monkeypatch):
    def full(_text):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("retail.engines.server.click.echo", full)
    monkeypatch.setenv("PGHOST", "somewhere")
    result = CliRunner().invoke(main, ["down"])
    assert result.exit_code == 1
    assert result.output == "Error: the output can't be read or written: No space left on device\n"


def test_each_variable_that_a_command_reads_stands_in_a_help():
    sources = [*Path(PROJECT_DIR, "retail").rglob("*.py"), PROJECT_DIR / "tools" / "cluster.py"]
    variable = re.compile(r"""(?:variable|environ\.get)\("([A-Z_]+)\"""")
    read = {name for source in sources for name in variable.findall(source.read_text())} - {"JAVA_HOME"}
    told = " ".join(printed(*command, "--help") for command in ([], *([name] for name in _COMMANDS)))
    assert read > {"RETAIL_SCHEMA", "PGHOST"}
    assert not {name for name in read if name not in told}
