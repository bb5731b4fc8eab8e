"""`python -m sweepkit`."""

import atexit
import gc

from sweepkit.cli.app import main

# what Ray, MLflow and Optuna make while they are imported is there to stay: do not look for garbage in it all the time
gc.set_threshold(50_000)

# at its end the interpreter would look for garbage in all that Ray, MLflow and Optuna have loaded: a second for nothing
atexit.register(gc.freeze)

if __name__ == "__main__":
    main()
