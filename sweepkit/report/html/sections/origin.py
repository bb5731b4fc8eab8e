"""The section on provenance: code, versions, settings."""

from __future__ import annotations

from sweepkit.report.data import ReportData
from sweepkit.report.html.blocks import Facts, Section
from sweepkit.report.html.headings import section

_CHANGES = {True: "with uncommitted changes", False: "clean", None: "uncommitted changes unknown"}


def origin(data: ReportData) -> Section:
    """List the code, versions, seeds and settings behind the results."""
    manifest = data.manifest
    settings = manifest.get("spec", {})
    seeds = {"search": settings.get("search", {}).get("seed"), "data": _data_seed(manifest)}
    pairs = [
        ("commit", f"{manifest.get('commit') or 'unknown'}, {_CHANGES.get(manifest.get('dirty'))}"),
        ("command", f"python -m sweepkit run {data.source}"),
        ("folder", data.folder),
        ("host", str(manifest.get("host", "unknown"))),
        ("started", str(manifest.get("created", "unknown"))),
        ("data key", str(manifest.get("data_key", "unknown"))),
        ("seeds", _joined(seeds)),
        ("search", _joined(settings.get("search", {}))),
        ("stopping", _joined(settings.get("stopping", {}))),
        ("versions", _joined(manifest.get("versions", {}))),
    ]
    return section("origin", [Facts(pairs)])


def _data_seed(manifest: object) -> object:
    identity = manifest.get("identity", {}) if isinstance(manifest, dict) else {}
    return identity.get("data", {}).get("seed")


def _joined(settings: dict[str, object]) -> str:
    return ", ".join(f"{name} {setting}" for name, setting in settings.items() if setting is not None) or "unknown"
