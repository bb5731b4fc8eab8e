"""Turn YAML nodes into plain values and record the place of each key.

Safe loading only: a tag that names a Python object is an issue. An entry that cannot be read is recorded as an issue
with its place instead of being raised, so that all issues of a file are reported together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import yaml

from sweepkit.errors import InputError, Issue

Keys = tuple[str, ...]
"""A path of keys; the items of a list are "0", "1", …"""
# far beyond any sweep file; aliases can multiply entries without end, and contain themselves
MAX_ENTRIES, MAX_DEPTH = 10_000, 50
_LARGEST_INT = 2**63 - 1
_TAG = "tag:yaml.org,2002:"
_SCALAR_TAGS = {f"{_TAG}{kind}" for kind in ("str", "null", "bool", "int", "float", "timestamp")}
# YAML 1.1 reads 1e-3 and 3E5 as text; unquoted, they are meant as numbers
_EXPONENT = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")


def compose(text: str, where: str) -> yaml.Node | None:
    """Parse one YAML document; None if the text is empty.

    Raises:
        InputError: the text is not valid YAML; `where`, with the line if there is one, is the place of the issue.
    """
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        hint = "; indent with spaces, not tabs" if "\\t" in str(error.problem) else ""
        place = f"{where}:{mark.line + 1}" if mark else where
        raise InputError(f"not valid YAML: {error.problem or error.context}{hint}", where=place) from None
    except yaml.YAMLError as error:
        raise InputError(f"not valid YAML: {str(error).splitlines()[0]}", where=where) from None
    except (ValueError, OverflowError) as error:  # "\\U99999999" is not a character, a %YAML version may be too large
        raise InputError(f"not valid YAML: {error}", where=where) from None
    except RecursionError:
        raise InputError("not valid YAML: nested too deeply", where=where) from None
    return node


def dotted(keys: Sequence[str]) -> str:
    """Write a key path as `search.trials`."""
    return ".".join(keys)


def is_plain(node: yaml.Node) -> bool:
    """Whether a node is a mapping, a list or a scalar of YAML itself, not tagged as something else."""
    if isinstance(node, yaml.ScalarNode):
        return node.tag in _SCALAR_TAGS
    return node.tag == (f"{_TAG}map" if isinstance(node, yaml.MappingNode) else f"{_TAG}seq")


class NodeReader:
    """Reads nodes as plain values.

    Attributes:
        places: key path to `file:line`, or to the option that set the key.
        issues: entries that could not be read.
    """

    def __init__(self, path: str) -> None:
        self.places: dict[Keys, str] = {}
        self.issues: list[Issue] = []
        self._path = path
        self._option: str | None = None  # set while the value of an option is read
        self._n_entries = 0
        self._is_too_large = False

    def mapping(self, node: yaml.MappingNode, keys: Keys) -> dict[str, object]:
        """Read a mapping whose keys are below `keys`."""
        values: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, values, keys)
            if key is not None:
                self.places[(*keys, key)] = self._where(key_node)
                values[key] = self.value(value_node, (*keys, key))
        return values

    def value(self, node: yaml.Node, keys: Keys) -> object:
        """Read any node; one that cannot be read becomes None and an issue."""
        self._n_entries += 1
        if self._n_entries > MAX_ENTRIES or len(keys) > MAX_DEPTH:
            if not self._is_too_large:
                self._note(node, f"more than {MAX_ENTRIES:,} entries or {MAX_DEPTH} levels, aliases included")
            self._is_too_large = True
            return None
        if not is_plain(node):
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
        path, equals, text = assignment.partition("=")
        keys = tuple(part.strip() for part in path.split("."))
        if len(keys) > MAX_DEPTH:
            self.issues.append(Issue(self._option, f"has more than {MAX_DEPTH} levels"))
            return
        if not equals or not all(keys):
            self.issues.append(Issue(self._option, "needs the form key.key=value, like search.trials=10"))
            return
        try:
            node = compose(text, self._option)
        except InputError as error:
            self.issues += [Issue(self._option, issue.what) for issue in error.issues]
            return
        parent = self._mapping_above(keys, values)
        if parent is None:
            return
        for stale in [place for place in self.places if place[: len(keys)] == keys]:
            del self.places[stale]
        self.places[keys] = self._option
        parent[keys[-1]] = None if node is None else self.value(node, keys)

    def _key(self, node: yaml.Node, earlier: Mapping[str, object], keys: Keys) -> str | None:
        """Return the key as text; None, with an issue, for a node that cannot be a key."""
        if not isinstance(node, yaml.ScalarNode):
            self._note(node, "a key must be a plain word, not a list or a mapping")
            return None
        key = str(node.value)
        if not _is_text(key):
            self._note(node, f"key {key!r} contains NUL or half of a surrogate pair")
            return None
        if key in earlier:
            first = self.places[(*keys, key)].rpartition(":")[2]
            self._note(node, f"duplicate key {dotted((*keys, key))!r}, already set in line {first}")
            return None
        return key

    def _scalar(self, node: yaml.Node, keys: Keys) -> object:
        text = str(node.value)
        kind = node.tag.rpartition(":")[2]
        is_unquoted = isinstance(node, yaml.ScalarNode) and node.style is None
        if not _is_text(text):
            self._note(node, f"{dotted(keys)} contains NUL or half of a surrogate pair, got {text[:40]!r}")
            return None
        if kind == "str":
            return float(text) if is_unquoted and _EXPONENT.fullmatch(text) else text
        if kind == "timestamp" or (kind in ("int", "float") and ":" in text):
            return text  # YAML 1.1 reads 2024-01-01 as a date and 1:30 as 90; no key of a sweep file takes either
        try:
            value: object = yaml.SafeLoader("").construct_object(node)
        except (ValueError, KeyError, IndexError):  # raised by PyYAML for `!!int x`, `!!bool x` and `!!int ""`
            self._note(node, f"{dotted(keys)}: {text[:40]!r} cannot be read as {kind}")
            return None
        if isinstance(value, int) and abs(value) > _LARGEST_INT:
            self._note(node, f"{dotted(keys)}: a whole number has at most 63 bits, got {text[:40]!r}")
            return None
        return value

    def _mapping_above(self, keys: Keys, values: dict[str, object]) -> dict[str, object] | None:
        """Return the mapping that is to hold the last of `keys`, made where it is missing; None with an issue."""
        for depth, key in enumerate(keys[:-1], start=1):
            below = values.setdefault(key, {})
            if not isinstance(below, dict):
                above = dotted(keys[:depth])
                message = f"{above} is {below!r} and has no keys below it; set {above} as a whole"
                self.issues.append(Issue(self._option or "", message))
                return None
            values = below
        return values

    def _note(self, node: yaml.Node, message: str) -> None:
        self.issues.append(Issue(self._where(node), message))

    def _where(self, node: yaml.Node) -> str:
        return self._option or f"{self._path}:{node.start_mark.line + 1}"


def _is_text(text: str) -> bool:
    """Whether a text can be printed and encoded: without NUL and without half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
