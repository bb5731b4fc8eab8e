"""The sweep file: from YAML to a checked definition of a sweep, and the package that it names."""

from sweepkit.config.schema import DataSettings

__all__ = ["DataSettings"]
