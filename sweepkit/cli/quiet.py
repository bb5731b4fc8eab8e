"""What libraries write straight to the terminal while they start, kept away unless something goes wrong."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Hold back what is written to stderr, by C++ code too, and let it out if the block raises.

    TensorFlow tells of kernels and of missing GPUs as soon as it is imported, before any setting of its log can take
    effect. Ours to keep short: nobody sees how far the block is.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # what comes later
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


def _is_expected(error: BaseException) -> bool:
    """Whether an error's own message says all that a user needs."""
    from sweepkit.errors import SweepError

    return isinstance(error, SweepError | KeyboardInterrupt)
