"""The one error that a user is meant to see."""

from __future__ import annotations

import click


class RetailError(click.ClickException):
    """Something the user can put right; the command line prints it as one line and exits with 1."""


class OtherEngine(RetailError):  # noqa: N818 (what is wrong, as click names its own)
    """The command is not for the engine in use: one line too, and the exit code of a wrong call."""

    exit_code = 2


def one_line(text: str) -> str:
    """Return the text with its line breaks and runs of blanks as single blanks."""
    return " ".join(text.split())
