"""Read a YAML file into plain values, with the `file:line` of each key or the option that set it.

Issues with single entries are collected, not raised, so that they are reported with all others. Try
`read_yaml(Path("sweeps/cells.yaml"), ["search.trials=10"])`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from sweepkit.config.nodes import Keys, NodeReader, compose, is_plain
from sweepkit.errors import InputError, Issue

MAX_BYTES = 256_000  # far beyond any sweep file


@dataclass(frozen=True)
class Document:
    """The values of a YAML file, with the overrides of the command line applied.

    Attributes:
        path: the file, as passed by the user.
        values: the mapping at the top.
        places: key path to `file:line`, or to the option that set the key.
        issues: entries that could not be read (duplicate keys, overrides without a value, …).
    """

    path: Path
    values: dict[str, object]
    places: Mapping[Keys, str]
    issues: tuple[Issue, ...] = ()

    def where(self, keys: Sequence[str]) -> str:
        """Return the place of a key path, or of the nearest key above it in the file."""
        for length in range(len(keys), 0, -1):
            place = self.places.get(tuple(keys[:length]))
            if place:
                return place
        return str(self.path)


def read_yaml(path: Path, sets: Sequence[str] = (), *, data: str | None = None) -> Document:
    """Read a file and apply `--set key.key=value` overrides and the `--data` option.

    Raises:
        InputError: the file does not exist, or is not a YAML mapping in UTF-8; `sets` is one text, not a list.
    """
    if isinstance(sets, str):
        raise InputError(f"sets must be a list of overrides, each 'key.key=value', not the text {sets!r}")
    node = compose(_text_of(path), str(path))
    if not isinstance(node, yaml.MappingNode) or not is_plain(node):
        reason = "it is empty" if node is None else "it is not a mapping"
        raise InputError(f"a sweep file must hold `key: value` lines, but {reason}", where=str(path))
    reader = NodeReader(str(path))
    values = reader.mapping(node, ())
    for assignment in sets:
        reader.assign(assignment, values)
    if data is not None:
        below = values.setdefault("data", {})
        if isinstance(below, dict):  # anything else is an issue for parse()
            below["source"] = data
            reader.places["data", "source"] = f"--data {data}"
    return Document(path, values, reader.places, tuple(reader.issues))


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"there is no such file{_similar_files(path)}", where=str(path)) from None
    except IsADirectoryError:
        raise InputError(
            "a sweep is described by a YAML file, but this is a folder; name the YAML", where=str(path)
        ) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from None
    if len(raw) > MAX_BYTES:
        raise InputError(f"a sweep file has at most {MAX_BYTES:,} bytes, but this one has more", where=str(path))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"not UTF-8 text (byte 0x{raw[error.start]:02x}); save the file as UTF-8"
        raise InputError(message, where=f"{path}:{line}") from None


def _similar_files(path: Path) -> str:
    """Return a hint for a missing file: the nearest name in its folder, or that the folder is missing too."""
    if not path.parent.is_dir():
        return f"; the folder {str(path.parent)!r} does not exist either"
    names = sorted(other.name for other in path.parent.iterdir() if other.suffix in (".yaml", ".yml"))
    close = difflib.get_close_matches(path.name, names, n=1, cutoff=0.5)
    return f"; did you mean {str(path.parent / close[0])!r}?" if close else ""
