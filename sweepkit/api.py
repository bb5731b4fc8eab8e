"""The Python API behind `import sweepkit`, for notebooks and scripts: the commands as functions that return values.

Nothing is printed but a progress bar. Errors are those of `sweepkit.errors`; KeyboardInterrupt ends a sweep cleanly,
and the same call resumes it. Try `run_sweep("sweeps/cells.yaml").best_trial`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sweepkit.errors import InputError

if TYPE_CHECKING:
    from sweepkit.results.sweep import Sweep
    from sweepkit.tasks.text.classifier import TextModel


def run_sweep(
    target: str | Path,
    *,
    sets: Sequence[str] = (),
    data: str | None = None,
    address: str | None = None,
    inline: bool = False,
    new: bool = False,
) -> Sweep:
    """Run a sweep to its end, or resume it, and return it with its results.

    If its YAML has a `final:` section, the final stage follows, as with the command.

    Args:
        target: the sweep's YAML.
        sets: overrides of the YAML, each `key.key=value`.
        data: takes the place of the YAML's `data.source`.
        address: a running Ray cluster; None starts one on this machine.
        inline: run trials one by one in this process, without Ray.
        new: start another sweep beside one of this name that has other settings.

    Raises:
        InputError: the input is wrong, or the sweep is already running; nothing was started.
        SweepFailed: no trial completed, or more failed than the budget allows.
        StorageFault: the storage cannot be written; the same call resumes once it can.
        KeyboardInterrupt: Ctrl-C; the same call resumes from the last finished epochs.
    """
    # here and below, not at the top: `import sweepkit` must not wait for Optuna, Arrow and TensorFlow
    from sweepkit.config.definition import load
    from sweepkit.driver.progress_bar import progress_bar
    from sweepkit.driver.run import run_sweep as run
    from sweepkit.driver.session import RunOptions
    from sweepkit.final.stage import plan_final, run_final
    from sweepkit.results.sweep import read_sweep

    definition = load(Path(target), sets, data=data)
    options = RunOptions(address=address, inline=inline, new=new)
    with progress_bar(definition.config.sweep) as callback:
        result = run(definition, options, callback)
    if definition.config.final is not None:
        with progress_bar(f"{result.folder.sweep}, final stage") as callback:
            # without `new`, which is about the sweep: its final stage belongs to the folder that has just been run
            run_final(plan_final(definition), RunOptions(address=address, inline=inline), callback)
    return read_sweep(result.folder)


def load_model(folder: str | Path) -> TextModel:
    """Load a bundle, as `pull` or the final stage made it: `load_model("winner").predict(["some text"])`.

    Raises:
        DataError: the folder is not a bundle, or it is of another format, incomplete or damaged.
    """
    from sweepkit.tasks.text.classifier import load

    return load(folder)


def write_report(sweep: Sweep, path: str | Path) -> Path:
    """Write the report of a sweep: a page (`.html`) that works offline, or a picture (`.png`).

    Args:
        sweep: from `load_sweep` or `run_sweep`; it may still be running.
        path: the file, whose folder must exist.

    Raises:
        InputError: the file has another suffix, or cannot be written.
    """
    from sweepkit.storage.atomic import replacing

    file = Path(path)
    if file.suffix not in (".html", ".png"):
        raise InputError("a report must be a .html or .png file", where=str(path))
    content = _content(sweep, file.suffix)
    try:
        with replacing(file) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise InputError(
            f"the report cannot be written: {(error.strerror or str(error)).lower()}", where=str(path)
        ) from None
    return file


def _content(sweep: Sweep, suffix: str) -> bytes:
    if suffix == ".png":
        from sweepkit.report.png.picture import picture

        return picture(sweep)
    from sweepkit.report.data import gather
    from sweepkit.report.html.page import page

    return page(gather(sweep)).encode()
