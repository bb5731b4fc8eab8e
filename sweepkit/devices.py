"""How much of the machine a worker's TensorFlow takes. To be called once per process, before TensorFlow's first
operation.

Ray's shares are bookkeeping: it hides whole GPUs from a worker and sets OMP_NUM_THREADS, but TensorFlow has thread
pools of its own and takes all of a GPU's memory. Try `configure(threads=1, gpu=0.5, deterministic=False)`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from typing import Any

import tensorflow as tf

# CUDA's context and cuDNN's handles are outside of TensorFlow's limit; about 0.5 GB on current drivers
_CUDA_CONTEXT_MB = 500


def configure(*, threads: int, gpu: float, deterministic: bool) -> None:
    """Set threads, GPU memory and determinism for this process.

    Args:
        threads: of one operation; as many operations run side by side.
        gpu: 0 hides every GPU; a fraction of one gets that fraction of its memory; 1 or more grow as needed.
        deterministic: choose kernels that give the same bits every time.
    """
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    gpus = tf.config.list_physical_devices("GPU")
    if gpu == 0:
        tf.config.set_visible_devices([], "GPU")
        return
    for device in gpus:
        if gpu < 1:
            limit = memory_limit_mb(gpu, _gpu_memory_mb())
            tf.config.set_logical_device_configuration(
                device, [tf.config.LogicalDeviceConfiguration(memory_limit=limit)]
            )
        else:
            tf.config.experimental.set_memory_growth(device, enable=True)


def free(variables: Iterable[Any]) -> None:
    """Give back the memory of variables that nobody will read again.

    TensorFlow keeps the graph of a traced training step after its model is gone, and with it handles of all variables:
    17 MB a trial for an embedding of 14,000 x 100 under Adam. An empty tensor in their place leaves only the graph.
    """
    for variable in variables:
        handle = variable.value.handle
        tf.raw_ops.AssignVariableOp(resource=handle, value=tf.zeros([0], variable.dtype), validate_shape=False)


def memory_limit_mb(fraction: float, total_mb: int) -> int:
    """Return what a worker with `fraction` of a GPU may use for tensors, so that all workers fit beside each other."""
    return max(int(fraction * total_mb) - _CUDA_CONTEXT_MB, 1)


def _gpu_memory_mb() -> int:
    """Return the memory of the first visible GPU; TensorFlow itself tells only what it has already taken."""
    query = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    return int(subprocess.run(query, capture_output=True, text=True, check=True).stdout.split()[0])
