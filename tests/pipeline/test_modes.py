"""Files with rows of customers can be read by their user only, whatever the umask."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from retail.contract import PROJECT_DIR
from retail.quarantine.export import export_writer
from support.programs import PROGRAMS
from support.shop import clean_shop, write_shop

NAME = "rejected_stores.csv"
DBT = (sys.executable, "-m", "dbt.cli.main")


def open_to_others(folder: Path) -> dict[str, str]:
    """Return what in a folder others may read, write or enter."""
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in folder.rglob("*") if not path.is_symlink()}
    return {str(path.relative_to(folder)): oct(mode) for path, mode in modes.items() if mode & 0o077}


@pytest.fixture
def place(tmp_path):
    tmp_path.chmod(0o700)
    return tmp_path


@pytest.fixture(params=[0, 0o022])
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.parametrize("name", ["out", "a/new/out", "out.zip"])
def test_an_export_is_closed_to_others(place, umask, name):
    out = place / name
    with export_writer(out) as opened_file, opened_file(NAME) as file:
        file.write("a customer's")
    out = out if out.suffix == ".zip" else out / NAME
    assert oct(out.stat().st_mode & 0o777) == "0o600"
    assert oct(out.parent.stat().st_mode & 0o777) == "0o700"
    out.chmod(0o644)
    with export_writer(place / name) as opened_file, opened_file(NAME) as file:  # as with --force
        file.write("a customer's")
    assert oct(out.stat().st_mode & 0o777) == "0o600"


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_an_export_that_is_interrupted_leaves_what_was_there(place, name):
    def write(text: str) -> None:
        with export_writer(place / name) as opened_file, opened_file(NAME) as file:
            file.write(text)
            if text == "half":
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write("half")
    assert not [path for path in place.rglob("*") if path.is_file()]
    (place / "out").mkdir(exist_ok=True)
    (place / "out" / f".{NAME}.part").write_text("what a killed export left")
    (place / ".out.zip.part").write_text("what a killed export left")
    write("whole")
    with pytest.raises(KeyboardInterrupt):
        write("half")
    if name == "out":
        assert [path.name for path in (place / name).iterdir()] == [NAME]
        assert (place / name / NAME).read_text(encoding="utf-8-sig") == "whole"
    else:
        assert not (place / ".out.zip.part").exists()
        assert zipfile.ZipFile(place / name).read(NAME).decode("utf-8-sig") == "whole"


@pytest.mark.parametrize("umask", [0, pytest.param(0o022, marks=pytest.mark.extended)])
def test_duckdbs_file_and_dbts_own_are_closed_to_others(place, umask):
    """The file by the loader, then by dbt alone, which also writes into files of an earlier, open one."""
    logs = PROJECT_DIR / "logs"
    logs.mkdir(exist_ok=True)
    logs.chmod(0o755)
    (logs / "dbt.log").touch()
    (logs / "dbt.log").chmod(0o644)
    files = write_shop(clean_shop(), place / "shop")
    variables = os.environ | {"RETAIL_TARGET": "duckdb", "DBT_TARGET_PATH": str(place / "target")}
    variables = {name: value for name, value in variables.items() if name != "DBT_LOG_PATH"}

    def run(database: str, *command: object) -> None:
        environment = variables | {"RETAIL_DUCKDB": str(place / database)}
        subprocess.run(command, env=environment, umask=umask, cwd=PROJECT_DIR, check=True, capture_output=True)

    run("loaded.duckdb", PROGRAMS / "retail", "load", files)
    run("built.duckdb", *DBT, "seed", "-s", "loyalty_tiers")
    shutil.rmtree(files)
    assert {path.name for path in place.glob("*.duckdb")} == {"loaded.duckdb", "built.duckdb"}
    assert open_to_others(place) == {}
    assert not {name for name in open_to_others(PROJECT_DIR) if name.startswith("logs")}
    assert oct(logs.stat().st_mode & 0o777) == "0o700"


@pytest.mark.extended
@pytest.mark.parametrize("umask", [0, 0o022])
def test_sparks_folder_is_closed_to_others(place, umask):
    pytest.importorskip("pyspark.sql", reason="Spark is not installed: make build TARGET=spark does")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    environment = os.environ | {
        "RETAIL_TARGET": "spark",
        "RETAIL_SPARK": str(place / "spark"),
        "DBT_TARGET_PATH": str(place / "target"),
    }
    environment = {name: value for name, value in environment.items() if name != "SPARK_HOST"}
    command = (*DBT, "seed", "-s", "loyalty_tiers")
    subprocess.run(command, env=environment, umask=umask, cwd=PROJECT_DIR, check=True, capture_output=True)
    assert list((place / "spark" / "warehouse").rglob("*.parquet"))
    assert open_to_others(place) == {}
