"""Read a YAML file into plain values that remember where they came from.

Safe loading only. Each key keeps its `file:line`, or the option that set it, so that later checks can say
where. What is wrong with single entries is collected, not raised, and shown with everything else. Try
`read_yaml(Path("sweeps/cells.yaml"), ["search.trials=10"])`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from sweepkit.errors import InputError, Issue

Keys = tuple[str, ...]
"""A path of keys; the items of a list are "0", "1", …"""
# far beyond any sweep file; aliases can multiply entries without end, and contain themselves
MAX_BYTES, MAX_ENTRIES, MAX_DEPTH = 256_000, 10_000, 50
_LARGEST_INT = 2**63 - 1
_TAG = "tag:yaml.org,2002:"
_SCALAR_TAGS = {f"{_TAG}{kind}" for kind in ("str", "null", "bool", "int", "float", "timestamp")}
# YAML 1.1 takes 1e-3 and 3E5 for text; everybody who writes them unquoted means numbers
_EXPONENT = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")


@dataclass(frozen=True)
class Document:
    """What a YAML says, with the overrides of the command line applied.

    Attributes:
        path: the file, as the user named it.
        values: the mapping at its top.
        places: key path to `file:line` or to the option that set it.
        issues: entries that could not be taken (duplicate keys, overrides without a value, …).
    """

    path: Path
    values: dict[str, object]
    places: Mapping[Keys, str]
    issues: tuple[Issue, ...] = ()

    def where(self, keys: Sequence[str]) -> str:
        """Return the place of a key path, or of the nearest key above it that was written."""
        for length in range(len(keys), 0, -1):
            place = self.places.get(tuple(keys[:length]))
            if place:
                return place
        return str(self.path)


def read_yaml(path: Path, sets: Sequence[str] = (), *, data: str | None = None) -> Document:
    """Read a file and apply `--set key.key=value` overrides and the `--data` option.

    Raises:
        InputError: there is no such file, or it is not a YAML mapping in UTF-8.
    """
    node = _compose(_text_of(path), str(path))
    if not isinstance(node, yaml.MappingNode) or not _is_plain(node):
        seen = "it is empty" if node is None else "it is not a mapping"
        raise InputError(f"a sweep file holds `key: value` lines, but {seen}", where=str(path))
    reader = _Reader(str(path))
    values = reader.mapping(node, ())
    for assignment in sets:
        reader.assign(assignment, values)
    if data is not None:
        below = values.setdefault("data", {})
        if isinstance(below, dict):  # otherwise parse() says what is wrong with it
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
        raise InputError("a sweep is described by a YAML file, but this is a folder", where=str(path)) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from None
    if len(raw) > MAX_BYTES:
        raise InputError(f"a sweep file has at most {MAX_BYTES:,} bytes, this has more", where=str(path))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"not UTF-8 text (byte 0x{raw[error.start]:02x}); save the file as UTF-8"
        raise InputError(message, where=f"{path}:{line}") from None


def _similar_files(path: Path) -> str:
    if not path.parent.is_dir():
        return f"; the folder {str(path.parent)!r} does not exist either"
    names = sorted(other.name for other in path.parent.iterdir() if other.suffix in (".yaml", ".yml"))
    close = difflib.get_close_matches(path.name, names, n=1, cutoff=0.5)
    return f"; did you mean {str(path.parent / close[0])!r}?" if close else ""


def _compose(text: str, where: str) -> yaml.Node | None:
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        hint = "; indent with spaces, not tabs" if "\\t" in str(error.problem) else ""
        place = f"{where}:{mark.line + 1}" if mark else where
        raise InputError(f"not valid YAML: {error.problem or error.context}{hint}", where=place) from None
    except yaml.YAMLError as error:
        raise InputError(f"not valid YAML: {str(error).splitlines()[0]}", where=where) from None
    except (ValueError, OverflowError) as error:  # "\\U99999999" is no character, and a %YAML may be beyond all bounds
        raise InputError(f"not valid YAML: {error}", where=where) from None
    except RecursionError:
        raise InputError("not valid YAML: nested too deeply", where=where) from None
    return node


class _Reader:
    """Turns nodes into plain values; notes places, and problems instead of raising them."""

    def __init__(self, path: str) -> None:
        self.places: dict[Keys, str] = {}
        self.issues: list[Issue] = []
        self._path = path
        self._option: str | None = None
        self._n_entries = 0
        self._is_too_much = False

    def mapping(self, node: yaml.MappingNode, keys: Keys) -> dict[str, object]:
        """Read a mapping whose keys lie below `keys`."""
        values: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, values, keys)
            if key is not None:
                self.places[(*keys, key)] = self._where(key_node)
                values[key] = self.value(value_node, (*keys, key))
        return values

    def value(self, node: yaml.Node, keys: Keys) -> object:
        """Read anything; what cannot be read becomes None and a problem."""
        self._n_entries += 1
        if self._n_entries > MAX_ENTRIES or len(keys) > MAX_DEPTH:
            if not self._is_too_much:
                self._note(node, f"more than {MAX_ENTRIES:,} entries or {MAX_DEPTH} levels, aliases included")
            self._is_too_much = True
            return None
        if not _is_plain(node):
            self._note(node, f"{dotted(keys)}: tag {node.tag!r} is not supported; write a plain value")
            return None
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, keys)
        if isinstance(node, yaml.SequenceNode):
            items = []
            for place, item in enumerate(node.value):
                self.places[(*keys, str(place))] = self._where(item)
                items.append(self.value(item, (*keys, str(place))))
            return items
        return self._scalar(node, keys)

    def assign(self, assignment: str, values: dict[str, object]) -> None:
        """Apply one `--set key.key=value` to the values."""
        self._option = f"--set {assignment}"
        dotted, equals, text = assignment.partition("=")
        keys = tuple(part.strip() for part in dotted.split("."))
        if len(keys) > MAX_DEPTH:
            self.issues.append(Issue(self._option, f"has more than {MAX_DEPTH} levels"))
            return
        if not equals or not all(keys):
            self.issues.append(Issue(self._option, "needs the form key.key=value, like search.trials=10"))
            return
        try:
            node = _compose(text, self._option)
        except InputError as error:
            self.issues += [Issue(self._option, problem.what) for problem in error.issues]
            return
        parent = self._mapping_above(keys, values)
        if parent is None:
            return
        for stale in [place for place in self.places if place[: len(keys)] == keys]:
            del self.places[stale]
        self.places[keys] = self._option
        parent[keys[-1]] = None if node is None else self.value(node, keys)

    def _mapping_above(self, keys: tuple[str, ...], values: dict[str, object]) -> dict[str, object] | None:
        for depth, key in enumerate(keys[:-1], start=1):
            below = values.setdefault(key, {})
            if not isinstance(below, dict):
                above = ".".join(keys[:depth])
                message = f"{above} is {below!r} and has no keys below it; set {above} as a whole"
                self.issues.append(Issue(self._option or "", message))
                return None
            values = below
        return values

    def _key(self, node: yaml.Node, seen: Mapping[str, object], keys: Keys) -> str | None:
        """Return the key as text; None, with a problem noted, when it cannot be one."""
        if not isinstance(node, yaml.ScalarNode):
            self._note(node, "a key must be a plain word, not a list or a mapping")
            return None
        key = str(node.value)
        if not _is_text(key):
            self._note(node, f"key {key!r} holds what is no character")
            return None
        if key in seen:
            first = self.places[(*keys, key)].rpartition(":")[2]
            self._note(node, f"duplicate key {dotted((*keys, key))!r}; it is already set in line {first}")
            return None
        return key

    def _scalar(self, node: yaml.Node, keys: Keys) -> object:
        text = str(node.value)
        kind = node.tag.rpartition(":")[2]
        plain = isinstance(node, yaml.ScalarNode) and node.style is None
        if not _is_text(text):
            self._note(node, f"{dotted(keys)} holds what is no character, got {text[:40]!r}")
            return None
        if kind == "str":
            return float(text) if plain and _EXPONENT.fullmatch(text) else text
        if kind == "timestamp" or (kind in ("int", "float") and ":" in text):
            return text  # YAML 1.1 makes a date of 2024-01-01 and 90 of 1:30; nothing here means either
        try:
            value: object = yaml.SafeLoader("").construct_object(node)
        except (ValueError, KeyError, IndexError):  # what PyYAML lets fly for `!!int x`, `!!bool x` and `!!int ""`
            self._note(node, f"{dotted(keys)}: {text[:40]!r} cannot be read as {kind}")
            return None
        if isinstance(value, int) and abs(value) > _LARGEST_INT:
            self._note(node, f"{dotted(keys)}: a whole number has at most 63 bits, got {text[:40]!r}")
            return None
        return value

    def _note(self, node: yaml.Node, message: str) -> None:
        self.issues.append(Issue(self._where(node), message))

    def _where(self, node: yaml.Node) -> str:
        return self._option or f"{self._path}:{node.start_mark.line + 1}"


def _is_plain(node: yaml.Node) -> bool:
    """Tell whether a node is of a kind that a sweep file may hold, and not of a tag that names something else."""
    if isinstance(node, yaml.ScalarNode):
        return node.tag in _SCALAR_TAGS
    return node.tag == (f"{_TAG}map" if isinstance(node, yaml.MappingNode) else f"{_TAG}seq")


def _is_text(text: str) -> bool:
    """Tell whether a text can be printed and written: no NUL, and no half of a pair of surrogates."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def dotted(keys: Sequence[str]) -> str:
    """Write a key path as `search.trials`."""
    return ".".join(keys)
