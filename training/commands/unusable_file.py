"""The error of commands whose data file cannot be used."""

import click


class UnusableFileError(click.ClickException):
    """Raised if a data file cannot be used. The command then exits with code 2, as it does for bad usage."""

    exit_code = 2
