"""A bundle's folder before anything in it is used: what it says of itself, and whether its files are what they were.

Imports neither TensorFlow nor Keras. Try `opened(folder).label_names`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sweepkit.bundle.manifest import CARD, CHECK, FACTS, FORMAT, MODEL, VOCABULARY, BundleFacts
from sweepkit.data.dataset import file_facts
from sweepkit.errors import DataError

REMEDY = "get the bundle again"


def opened(folder: Path) -> BundleFacts:
    """Read a bundle's facts and compare its files with their checksums.

    Raises:
        DataError: it is no bundle, of another format, incomplete or damaged; names the file.
    """
    facts = read_facts(folder)
    for name, sha256 in facts.files.items():
        _verify(folder / name, sha256)
    return facts


def read_facts(folder: Path) -> BundleFacts:
    """Read what a bundle says of itself, and look at nothing else.

    Raises:
        DataError: there is no bundle, or none of this format.
    """
    path = folder / FACTS
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        what = f"this folder is no bundle: a complete bundle has a {FACTS}; `pull` and `final` make one"
        raise DataError(what, where=str(folder)) from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"this can't be read: {error}; {REMEDY}", where=str(path)) from None
    version = data.get("format") if isinstance(data, dict) else None
    if version != FORMAT:
        what = f"a bundle must have format {FORMAT}, this has {version!r}: use the version of sweepkit that made it"
        raise DataError(what, where=str(path))
    return _facts(data, path)


def _facts(data: dict[str, Any], path: Path) -> BundleFacts:  # a JSON object
    try:
        facts = BundleFacts.from_json(data)
        missing = [name for name in (MODEL, VOCABULARY, CHECK, CARD) if name not in facts.files]
        strange = [name for name in facts.files if Path(name).name != name or "\0" in name]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DataError(f"this is malformed: {error}; {REMEDY}", where=str(path)) from None
    if missing or strange:
        what = f"this must list the bundle's own files, it lists {', '.join(facts.files) or 'none'}; {REMEDY}"
        raise DataError(what, where=str(path))
    return facts


def _verify(path: Path, sha256: str) -> None:
    if not path.is_file():
        raise DataError(f"this file of the bundle is missing; {REMEDY}", where=str(path))
    if file_facts(path).sha256 != sha256:
        raise DataError(f"this file was damaged or changed, it differs from its checksum; {REMEDY}", where=str(path))
