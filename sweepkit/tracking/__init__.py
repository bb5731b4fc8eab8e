"""MLflow: one run for a sweep, below it one for each trial, and the registry of winners.

MLflow is a view: everything in it is in the journal and the checkpoints too. So a slow or unreachable store neither
slows a sweep nor loses anything: what could not be logged waits in a queue of the driver (`sweep_logger`) or in a
trial's spool (`trial_logger`), and `backfill` uploads what was missed for good. `registry` is how a winner's bundle
gets into the model registry and out of it.
Of these modules `runs`, `sqlite`, `registered_models`, `model_files`, `artifacts` and `mlflow_errors` import mlflow,
which takes seconds; the others import them only when they connect.
"""
