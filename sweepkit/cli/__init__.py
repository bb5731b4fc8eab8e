"""The command line: one module for each verb, and the only place that prints."""

from sweepkit.cli.app import cli, main

__all__ = ["cli", "main"]
