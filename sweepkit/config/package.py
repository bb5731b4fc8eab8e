"""A sweep package, the folder with a sweep's data and models, and its import.

    <package>/space.py   SPACE: Space; Data: a model of its data settings;
                         epoch_gflop(params, n_rows, mean_tokens) -> float;
                         optional, for estimates: n_rows(settings) and MEAN_TOKENS;
                         optional: baselines(params) -> dict[str, Params], by name
    <package>/data.py    imported only to prepare or read data
    <package>/model.py   imported only to train

The folder above the package is added to `sys.path`; on workers the package is importable already. Try
`import_package("toy", Path("sweeps/toy"))`.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from sweepkit.config.schema import DataSettings
from sweepkit.errors import InputError
from sweepkit.space import Params, Space, SpaceError

_REQUIRED = ("SPACE", "Data", "epoch_gflop")


@dataclass(frozen=True)
class Package:
    """An imported sweep package; its heavy modules are imported at the first access."""

    name: str
    folder: Path
    space_module: ModuleType

    @property
    def space(self) -> Space:
        space: Space = self.space_module.SPACE
        return space

    @property
    def data_model(self) -> type[DataSettings]:
        model: type[DataSettings] = self.space_module.Data
        return model

    def data_module(self) -> ModuleType:
        return importlib.import_module(f"{self.name}.data")

    def model_module(self) -> ModuleType:
        return importlib.import_module(f"{self.name}.model")

    def epoch_gflop(self, params: Params, n_rows: float, mean_tokens: float) -> float:
        return float(self.space_module.epoch_gflop(params, n_rows, mean_tokens))

    def n_rows(self, settings: DataSettings) -> int | None:
        """Return the number of rows of train, if the package can tell without reading the data; else None."""
        count = getattr(self.space_module, "n_rows", None)
        return None if count is None else count(settings)

    def baselines(self, params: Params) -> dict[str, Params]:
        """Return, by name, the params that a winner with `params` has to beat; empty if the package defines none."""
        baselines = getattr(self.space_module, "baselines", None)
        return {} if baselines is None else dict(baselines(params))

    @property
    def mean_tokens(self) -> float | None:
        """The mean length of a row, if the package states one."""
        return getattr(self.space_module, "MEAN_TOKENS", None)


def import_package(name: str, folder: Path | None = None) -> Package:
    """Import a sweep package through its space.py.

    Args:
        name: the package's importable name.
        folder: the package's folder; None on a worker, where the package is importable already.

    Raises:
        InputError: space.py lacks a required name or declares an invalid space, or the package's name is taken.
    """
    if folder is not None:
        parent = str(folder.resolve().parent)
        if parent not in sys.path:
            # last, so that a file beside a sweep cannot stand in for an installed module
            sys.path.append(parent)
            importlib.invalidate_caches()
        _refuse_taken_name(name, folder.resolve())
    try:
        module = importlib.import_module(f"{name}.space")
    except SpaceError as error:
        place = str(folder / "space.py") if folder else f"{name}.space"
        raise InputError(f"invalid space: {error}", where=place) from error
    home = Path(str(module.__file__)).parent
    missing = [required for required in _REQUIRED if not hasattr(module, required)]
    if missing:
        message = f"a sweep package's space.py must define {', '.join(missing)}"
        raise InputError(message, where=str(home / "space.py"))
    return Package(name, home, module)


def _refuse_taken_name(name: str, folder: Path) -> None:
    """Refuse a name under which Python would import something else than `folder`."""
    spec = importlib.util.find_spec(name)
    homes = [Path(place).resolve() for place in (spec.submodule_search_locations or ())] if spec else []
    if homes[:1] != [folder]:
        other = homes[0] if homes else (spec.origin if spec else None) or "a built-in module"
        message = f"the package name {name!r} is taken by {other}; rename the folder"
        raise InputError(message, where=str(folder))
