"""`retail deps`, and that the stand-ins have all that the project calls and judge as the real packages do."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

import support
from retail.contract import PROJECT_DIR

pytestmark = pytest.mark.extended

PROGRAMS = Path(sys.executable).parent
STAND_INS = PROJECT_DIR / "offline_packages"
HUB_NAMES = {"dbt_utils": "dbt-labs/dbt_utils", "dbt_expectations": "metaplane/dbt_expectations"}
HUB_VERSIONS = {"dbt_utils": "1.3.9", "dbt_expectations": "0.10.99"}


@pytest.fixture
def project(tmp_path) -> Path:
    """A copy of what `retail deps` needs, so that the packages of the project itself stay as they are."""
    for name in ("retail", "offline_packages", "seeds"):
        shutil.copytree(PROJECT_DIR / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dbt_project.yml", "profiles.yml", "packages.yml"):
        shutil.copy(PROJECT_DIR / name, tmp_path)
    return tmp_path


def deps(project: Path, hub: str, *arguments: str, seconds: int = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "retail", "deps", *arguments],
        cwd=project,
        env=os.environ | {"DBT_PACKAGE_HUB_URL": hub, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=seconds,
    )


class FakeHub:
    """The Hub's index and the archives, on the loopback interface; ``pages`` maps paths to answers."""

    def __init__(self) -> None:
        pages = self.pages = {"/api/v1/index.json": json.dumps(list(HUB_NAMES.values())).encode()}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = pages.get(self.path)
                self.send_response(200 if page is not None else 404)
                self.end_headers()
                self.wfile.write(page or b"")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        for name in HUB_NAMES:
            self.add(name, self.url)

    def add(self, name: str, archive_host: str) -> None:
        archive = f"archives/{name}.tar.gz"
        self.pages[f"/{archive}"] = packed(name)
        version = {
            "name": name,
            "version": HUB_VERSIONS[name],
            "packages": [],
            "require_dbt_version": [],
            "downloads": {"tarball": archive_host + archive},
        }
        entry = {"name": name, "namespace": "any", "versions": {HUB_VERSIONS[name]: version}}
        self.pages[f"/api/v1/{HUB_NAMES[name]}.json"] = json.dumps(entry).encode()


def packed(name: str) -> bytes:
    """The package as the Hub would send it: the stand-in under the version of the Hub."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for file in sorted((STAND_INS / name).rglob("*.*")):
            content = file.read_bytes().replace(b"version: 0.0.0", f"version: {HUB_VERSIONS[name]}".encode())
            info = tarfile.TarInfo(f"{name}-main/{file.relative_to(STAND_INS / name)}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    fake = FakeHub()
    threading.Thread(target=fake.server.serve_forever, daemon=True).start()
    yield fake
    fake.server.shutdown()
    fake.server.server_close()


@pytest.fixture
def closed_port() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/"


def installed(project: Path) -> dict[str, str]:
    files = (project / "dbt_packages").glob("*/dbt_project.yml")
    return {found["name"]: found["version"] for found in (yaml.safe_load(file.read_text()) for file in files)}


def test_the_hub_comes_first_and_a_second_run_changes_nothing(project, hub):
    for _ in range(2):
        result = deps(project, hub.url)
        assert result.returncode == 0, result.stdout + result.stderr
        assert result.stdout == "dbt packages: dbt_expectations 0.10.99, dbt_utils 1.3.9, from the dbt Hub\n"
        assert installed(project) == HUB_VERSIONS


def test_from_the_stand_ins_to_the_hub_and_back(project, hub, closed_port):
    for url, version in ((closed_port, "0.0.0"), (hub.url, HUB_VERSIONS["dbt_utils"]), (closed_port, "0.0.0")):
        assert deps(project, url).returncode == 0
        assert installed(project)["dbt_utils"] == version
    assert (project / "packages.yml").read_bytes() == (PROJECT_DIR / "packages.yml").read_bytes()


def test_no_connection_leads_to_the_stand_ins(project, closed_port):
    result = deps(project, closed_port)
    assert result.returncode == 0, result.stderr
    assert "from the stand-ins of offline_packages/ (the dbt Hub is not reachable: no connection)" in result.stdout
    assert installed(project) == dict.fromkeys(HUB_NAMES, "0.0.0")


def test_a_hub_that_never_answers_leads_to_the_stand_ins(project):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        result = deps(project, f"http://127.0.0.1:{silent.getsockname()[1]}/", seconds=30)
    assert result.returncode == 0, result.stderr
    assert "no answer in time" in result.stdout


def test_archives_out_of_reach_lead_to_the_stand_ins(project, hub, closed_port):
    hub.add("dbt_utils", archive_host=closed_port)
    result = deps(project, hub.url)
    assert result.returncode == 0, result.stderr
    assert "from the stand-ins" in result.stdout


def test_offline_asks_nobody(project, hub):
    result = deps(project, hub.url, "--offline")
    assert result.returncode == 0, result.stderr
    assert installed(project) == dict.fromkeys(HUB_NAMES, "0.0.0")


def test_a_package_that_the_hub_does_not_have_is_an_error(project, hub):
    (project / "packages.yml").write_text("packages: [{package: dbt-labs/no_such, version: 1.0.0}]\n")
    result = deps(project, hub.url)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("Error: dbt deps failed: ") and "no_such" in result.stderr


def test_a_version_that_does_not_exist_is_an_error(project, hub):
    packages = (project / "packages.yml").read_text().replace(">=1.3.0", ">=1.4.0")
    (project / "packages.yml").write_text(packages)
    result = deps(project, hub.url)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert "1.3.9" in result.stderr


def test_an_archive_that_is_gone_is_an_error(project, hub):
    del hub.pages["/archives/dbt_utils.tar.gz"]
    result = deps(project, hub.url)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("Error: dbt deps failed: ") and "Traceback" not in result.stderr


# ----------------------------------------------------------------------------------------------------- the stand-ins


def parse(project: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAMS / "dbt", "parse", "--no-partial-parse"], cwd=project, capture_output=True, text=True, env=os.environ
    )


def manifest_of(project: Path) -> dict:
    """Parse the project's own models and tests against whatever dbt_packages holds."""
    result = parse(project)
    assert result.returncode == 0, result.stdout
    return json.loads((project / "target" / "manifest.json").read_text())


def calls_that_lead_nowhere(manifest: dict) -> set[str]:
    """What the project's nodes call in the packages and is not there: dbt would notice only when it runs them."""
    there = {(macro["package_name"], macro["name"]) for macro in manifest["macros"].values()}
    nowhere = set()
    for node in manifest["nodes"].values():
        calls = re.findall(rf"\b({'|'.join(HUB_NAMES)})\.(\w+)\(", node.get("raw_code", ""))
        if test := node.get("test_metadata"):
            calls.append((test["namespace"], f"test_{test['name']}"))
        for package, name in calls:
            if package in HUB_NAMES and not there & {(package, name), (package, f"test_{name}")}:
                nowhere.add(name)
    return nowhere


def test_the_stand_ins_have_all_that_the_project_calls(project):
    for name in ("models", "macros", "tests", "analyses"):
        if (PROJECT_DIR / name).exists():
            shutil.copytree(PROJECT_DIR / name, project / name, ignore=shutil.ignore_patterns("pipeline"))
    shutil.copytree(STAND_INS, project / "dbt_packages", ignore=shutil.ignore_patterns("*.md"))
    manifest = manifest_of(project)  # fails on an argument that a stand-in does not take
    assert not calls_that_lead_nowhere(manifest)

    callers = [*manifest["nodes"].values(), *manifest["macros"].values()]
    called = {macro for caller in callers for macro in caller["depends_on"].get("macros", [])}
    offered = {name for name, macro in manifest["macros"].items() if macro["package_name"] in HUB_NAMES}
    # what another engine than this parse's is dispatched to, nobody calls here
    offered = {name for name in offered if not name.split(".")[-1].startswith(("duckdb__", "spark__"))}
    assert offered <= called, "nothing calls these: take them out of the stand-ins"

    for name in ("not_empty_string", "generate_surrogate_key"):
        (project / "dbt_packages" / "dbt_utils" / "macros" / f"{name}.sql").unlink()
    assert calls_that_lead_nowhere(manifest_of(project)) == {"test_not_empty_string", "generate_surrogate_key"}


def test_the_stand_ins_judge_as_documented(fresh_database, tmp_path):
    """The same cases were run on the real packages, with the same verdicts."""
    shutil.copytree(Path(support.__file__).parent / "stand_ins", tmp_path, dirs_exist_ok=True)
    shutil.copytree(STAND_INS, tmp_path / "dbt_packages", ignore=shutil.ignore_patterns("*.md"))
    shutil.copy(PROJECT_DIR / "profiles.yml", tmp_path)

    subprocess.run([PROGRAMS / "dbt", "-q", "build"], cwd=tmp_path, env=os.environ | fresh_database)

    results = json.loads((tmp_path / "target" / "run_results.json").read_text())["results"]
    verdicts = {result["unique_id"].split(".")[2]: result["status"] for result in results}
    tests = {name: verdict for name, verdict in verdicts.items() if name.startswith(("holds_", "fails_"))}
    assert len(tests) == 30
    assert tests == {name: "pass" if name.startswith("holds_") else "fail" for name in tests}
