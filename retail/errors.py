"""The one error that a user is meant to see."""

from __future__ import annotations

import click


class RetailError(click.ClickException):
    """Something the user can put right; the command line prints it as one line and exits with 1."""
