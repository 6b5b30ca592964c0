"""The lanes of tests: each test is in one of them, and together they are all that there is."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections import Counter

import pytest

from retail.contract import PROJECT_DIR
from support.programs import PROGRAMS

MAKEFILE = (PROJECT_DIR / "Makefile").read_text(encoding="utf-8")
LANES = ("check", "test", "test-all", "proof")


def collected(*arguments: str) -> Counter[str]:
    command = [PROGRAMS / "pytest", "--collect-only", "-q", "-p", "no:xdist", "-o", "addopts=--strict-markers"]
    result = subprocess.run([*command, *arguments], cwd=PROJECT_DIR, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return Counter(line for line in result.stdout.splitlines() if "::" in line)


def test_every_test_is_in_one_lane():
    targets = ("unit", *LANES[1:])  # `make check` makes unit beside lint
    pytest = r"@\$\((?:PYTEST\)|RUN\) pytest)"
    lanes = [re.search(rf"^{target}:.*\n\t{pytest}(.*)$", MAKEFILE, re.MULTILINE)[1] for target in targets]
    of_a_lane = [collected(*shlex.split(arguments)) for arguments in lanes]
    assert all(of_a_lane)
    everything = collected()
    assert len(everything) > 900
    assert sum(of_a_lane, Counter()) == everything


def test_a_lane_that_does_not_exist_is_an_error(tmp_path):
    (tmp_path / "test_one.py").write_text(
        "import pytest\n\n\n@pytest.mark.extendet\ndef test_one():\n    pass\n", encoding="utf-8"
    )
    command = [PROGRAMS / "pytest", "-c", PROJECT_DIR / "pyproject.toml", "-p", "no:cacheprovider", "--collect-only"]
    result = subprocess.run([*command, tmp_path], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode != 0
    assert "'extendet' not found in `markers`" in result.stdout


@pytest.mark.parametrize("lane", LANES)
def test_ci_runs_the_lanes(lane):
    script = (PROJECT_DIR / ".ci" / "run").read_text(encoding="utf-8")
    workflow = (PROJECT_DIR / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    [jobs] = re.findall(r"lane: \[(.*)\]", workflow)
    assert (f"make {lane}\n" in script) == (lane in jobs.split(", ")) == (lane != "proof")
