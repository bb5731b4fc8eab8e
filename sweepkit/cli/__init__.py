"""The command line: one module per command, and the only package that prints."""

from sweepkit.cli.app import cli, main

__all__ = ["cli", "main"]
