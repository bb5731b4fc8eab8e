"""Messages that libraries write to the terminal while they start, held back unless something goes wrong."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Hold back everything written to stderr, by C++ code too, and release it if the block fails unexpectedly.

    TensorFlow logs kernels and missing GPUs as soon as it is imported, before any setting of its log takes effect.
    Keep the block short: its progress is hidden too.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # for messages after the block
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException as error:
            if not _is_expected(error):
                held.seek(0)
                os.write(terminal, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)


def start_keras() -> None:
    """Start Keras for --inline, before progress is shown: TensorFlow's messages would break up a live table."""
    from sweepkit.training.keras_import import import_keras

    with quiet_start():
        import_keras()
        from sweepkit.training.devices import find_gpus  # not at the top: it imports TensorFlow

        find_gpus()


def _is_expected(error: BaseException) -> bool:
    """Return whether the error's own message is all that a user needs."""
    from sweepkit.errors import SweepError

    return isinstance(error, SweepError | KeyboardInterrupt)
