"""`python -m sweepkit`."""

import atexit
import gc

from sweepkit.cli import main

# at its end the interpreter would look for garbage in all that Ray, MLflow and Optuna have loaded: a second for nothing
atexit.register(gc.freeze)

if __name__ == "__main__":
    main()
