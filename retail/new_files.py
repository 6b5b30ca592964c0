"""New files get their names together, at the end: whatever ends the program earlier leaves none and keeps old ones.

They may hold rows of customers, so only their owner may read them.
"""

from __future__ import annotations

import errno
import os
from io import BufferedWriter
from pathlib import Path
from types import TracebackType


class NewFiles:
    """A context in which files are opened; at its end they get their names if no error ended it."""

    def __init__(self) -> None:
        """Start without files."""
        self.parts: dict[Path, Path] = {}

    def open(self, path: Path) -> BufferedWriter:
        """Open a file beside its place, under another name; what a killed program left there goes.

        Raises:
            OSError: It can't be opened, or its place is taken by a folder or device.
        """
        place = path.resolve()  # the file behind a link
        if place.exists() and not place.is_file():
            raise OSError(errno.EEXIST, "it is no regular file", str(path))
        part = place.with_name(f".{place.name}.part")
        self.parts[path] = part
        part.unlink(missing_ok=True)
        return os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")

    def __enter__(self) -> NewFiles:
        """Return these files."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Rename all files, or delete them."""
        try:
            if kind is None:
                for path, part in self.parts.items():
                    part.replace(path.resolve())
        finally:
            for part in self.parts.values():
                part.unlink(missing_ok=True)
