#!/usr/bin/env bash
# Optuna 5.0.0, JournalFileSymlinkLock and JournalFileOpenLock: Ctrl-C within release() comes out as FileNotFoundError.
#
# release() renames the lock's file, deletes it, and for any exception but OSError deletes it once more before it raises
# that exception again. A KeyboardInterrupt that Python delivers between the first deletion and the end of the block
# makes the second deletion fail, and its FileNotFoundError takes the KeyboardInterrupt's place. `except
# KeyboardInterrupt` around study.optimize() or study.tell() then does not run, and a user who pressed Ctrl-C sees a
# traceback about a missing file. A journal takes the lock for every write.
#
# Source: release() in optuna/storages/journal/_file.py of the release.
#
# Seen:
#     FileNotFoundError while handling KeyboardInterrupt
# Fails if Optuna raises something else.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check "optuna==5.0.0"
cat > interrupted.py <<'PYTHON'
import os
import pathlib
import signal

from optuna.storages.journal import JournalFileSymlinkLock

pathlib.Path("journal.log").touch()
lock = JournalFileSymlinkLock("journal.log")
lock.acquire()

unlink, calls = os.unlink, []


def unlink_and_press_ctrl_c(path):
    """Delete the file; the first time, the signal arrives right after it."""
    unlink(path)
    calls.append(path)
    if len(calls) == 1:
        signal.raise_signal(signal.SIGINT)


os.unlink = unlink_and_press_ctrl_c
try:
    lock.release()
except BaseException as error:
    print(f"{type(error).__name__} while handling {type(error.__context__).__name__}")
PYTHON
seen=$(venv/bin/python interrupted.py)
echo "$seen"
[ "$seen" = "FileNotFoundError while handling KeyboardInterrupt" ]
