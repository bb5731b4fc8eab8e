"""What a sweep tells MLflow: one run for the sweep (`driver`), below it one for each trial (`worker`).

MLflow is a view: everything in it is in the journal and the checkpoints too. So it may be slow, or away, without
slowing a sweep, and nothing is lost: what could not be said yet waits in a queue (driver) or a spool (workers).
Only `store`, `models` and `artifacts` import mlflow, and the others import them only when they connect, for that takes
seconds. `registry` is how a winner's bundle gets into the model registry and out of it.
"""
