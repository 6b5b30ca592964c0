"""Folders for rows on their way into the database: closed to others, and deleted whatever ends the program.

A program that is killed can't delete its folder, so the next one does. Each holds a lock on its own folder until it
ends; a folder that nobody holds is abandoned.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

_PREFIX = "retail_scratch_"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a new folder, and delete it afterwards; first delete what killed programs of this user left."""
    _delete_abandoned()
    folder, lock = _new_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


@contextmanager
def ending_cleanly() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP end what is inside by an exception, so that it deletes its folders."""
    received: list[int] = []

    def end(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        for other in handled:
            signal.signal(other, signal.SIG_IGN)  # the end is not interrupted
        raise KeyboardInterrupt

    # a program under nohup ignores SIGHUP
    handled = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, end) for number in handled}
    try:
        yield
    except BaseException as error:
        if not received:
            raise
        # a library may have made another error of it
        raise (KeyboardInterrupt if received == [signal.SIGINT] else SystemExit(128 + received[0])) from error
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _new_folder() -> tuple[Path, int]:
    """Make a folder and return it with the descriptor that holds its lock."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        with suppress(FileNotFoundError):  # another program took it for abandoned before it was locked
            lock = os.open(folder, os.O_RDONLY)
            with suppress(OSError):  # a file system without locks, where nobody finds it abandoned
                fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)


def _delete_abandoned() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # deleted meanwhile, another user's, or no folder
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(lock).st_uid == os.geteuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder)
            finally:
                os.close(lock)
