"""MLflow's exceptions as `StoreError`s: whether a retry may help, and the reason in a few words."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from mlflow.exceptions import MlflowException, RestException

from sweepkit.tracking.errors import RefusedError, UnreachableError
from sweepkit.tracking.uris import shown

_RETRIABLE = (408, 425, 429)  # time-outs and "slow down"; every other 4xx fails again at each retry
_OS_ERROR = re.compile(r"\[Errno -?\d+\] ([\w ]+)")
_ERROR_CODE = re.compile(r"^[A-Z_]+: ")

_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")


def translated(method: Callable[_Args, _Result]) -> Callable[_Args, _Result]:
    """Let a method raise only UnreachableError and RefusedError."""

    @functools.wraps(method)
    def call(*args: _Args.args, **kwargs: _Args.kwargs) -> _Result:
        try:
            return method(*args, **kwargs)
        except MlflowException as error:
            status = error.get_http_status_code()  # type: ignore[no-untyped-call]  # MLflow is typed in part
            reason = _reason(error)
            if 400 <= status < 500 and status not in _RETRIABLE:
                raise RefusedError(reason) from error
            # after its last retry MLflow raises no RestException for a 500, only urllib3's words for it
            has_answered = isinstance(error, RestException) or "too many 500 error responses" in str(error)
            raise UnreachableError(reason, has_answered=has_answered) from error
        except OSError as error:  # raised by transfers of artifacts: the network, a full disk
            raise UnreachableError(_reason(error)) from error

    return call


def _reason(error: Exception) -> str:
    """Cut lines of "failed with exception … (Caused by …)" down to the operating system's reason."""
    text = str(error).strip()
    cause = _OS_ERROR.search(text)
    # a message may repeat the URI, and with it a password
    return cause[1].lower() if cause else shown(_ERROR_CODE.sub("", text.partition("\n")[0])).rstrip(".")
