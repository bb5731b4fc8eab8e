"""The section on where the results come from: code, versions, settings."""

from __future__ import annotations

from sweepkit.report.data import ReportData
from sweepkit.report.html.blocks import Facts, Section
from sweepkit.report.html.headings import section


def origin(findings: ReportData) -> Section:
    """Say what the results come from."""
    manifest = findings.manifest
    dirty = {True: "with changes that were not committed", False: "clean", None: "unknown whether clean"}
    settings = manifest.get("spec", {})
    seeds = {"search": settings.get("search", {}).get("seed"), "data": _data_seed(manifest)}
    versions = manifest.get("versions", {})
    pairs = [
        ("commit", f"{manifest.get('commit') or 'unknown'}, {dirty.get(manifest.get('dirty'))}"),
        ("command", f"python -m sweepkit run {findings.source}"),
        ("folder", findings.folder),
        ("host", str(manifest.get("host", "unknown"))),
        ("begun", str(manifest.get("created", "unknown"))),
        ("data key", str(manifest.get("data_key", "unknown"))),
        ("seeds", ", ".join(f"{name} {seed}" for name, seed in seeds.items() if seed is not None) or "unknown"),
        ("search", _said(settings.get("search", {}))),
        ("stopping", _said(settings.get("stopping", {}))),
        ("versions", ", ".join(f"{name} {version}" for name, version in versions.items()) or "unknown"),
    ]
    return section("origin", [Facts(pairs)])


def _data_seed(manifest: object) -> object:
    identity = manifest.get("identity", {}) if isinstance(manifest, dict) else {}
    return identity.get("data", {}).get("seed")


def _said(settings: dict[str, object]) -> str:
    return ", ".join(f"{name} {one}" for name, one in settings.items() if one is not None) or "unknown"
