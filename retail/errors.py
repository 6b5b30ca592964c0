"""The errors that a user sees: one line, without a traceback."""

from __future__ import annotations

import click


class RetailError(click.ClickException):
    """A problem that the user can solve; the command line prints one line and exits with 1."""


class OtherEngine(RetailError):  # noqa: N818 (named like the errors of click)
    """The engine in use lacks this command; the command line exits with 2, as for a wrong option."""

    exit_code = 2


class NotBuilt(RetailError):  # noqa: N818
    """Spark has no such table."""


def visible(text: str) -> str:
    """Return the text with escapes for all characters that a terminal doesn't show, or obeys."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def one_line(text: str) -> str:
    """Return the text in one line, with single spaces."""
    return " ".join(text.split())
