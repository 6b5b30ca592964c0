"""The lanes of tests: each test is in one of them, and together they are all that there is."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
from collections import Counter, defaultdict

import pytest

from retail.contract import PROJECT_DIR
from support.programs import PROGRAMS

MAKEFILE = (PROJECT_DIR / "Makefile").read_text(encoding="utf-8")
LANES = ("check", "test", "test-all", "proof")


PRINT_MARKS = """
def pytest_collection_finish(session):
    for item in session.items:
        print("in", item.path.relative_to(session.config.rootpath), *(mark.name for mark in item.iter_markers()))
"""


def marks_and_folder(target: str) -> tuple[str, str]:
    """What a lane takes: an expression over marks, and where from."""
    command = re.search(rf"^{target}:.*\n\t@\$\((?:PYTEST\)|RUN\) pytest)(.*)$", MAKEFILE, re.MULTILINE)[1]
    parser = argparse.ArgumentParser()
    parser.add_argument("-m", default="True")
    parser.add_argument("folder", nargs="?", default="tests")
    arguments = parser.parse_args(shlex.split(command))
    return arguments.m, arguments.folder


def test_every_test_is_in_one_lane(tmp_path):
    (tmp_path / "print_marks.py").write_text(PRINT_MARKS, encoding="utf-8")
    command = [PROGRAMS / "pytest", "--collect-only", "-p", "no:xdist", "-p", "print_marks", "-m", ""]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    result = subprocess.run(command, cwd=PROJECT_DIR, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    tests = [line.split()[1:] for line in result.stdout.splitlines() if line.startswith("in tests/")]
    assert len(tests) > 900

    lanes = [marks_and_folder(target) for target in ("unit", *LANES[1:])]  # `make check` makes unit beside lint
    sizes, lanes_of_a_test = Counter(), Counter()
    for file, *marks in tests:
        known = defaultdict(bool, dict.fromkeys(marks, True))
        taken = [lane for lane in lanes if file.startswith(lane[1] + "/") and eval(lane[0], {}, known)]
        sizes.update(taken)
        lanes_of_a_test[len(taken)] += 1
    assert set(sizes) == set(lanes)
    assert set(lanes_of_a_test) == {1}


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
