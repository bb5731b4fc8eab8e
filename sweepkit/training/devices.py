"""Threads, GPU memory and determinism of a worker's TensorFlow, set once per process before its first operation.

Ray only accounts for resources: it hides whole GPUs from a worker and sets OMP_NUM_THREADS, but TensorFlow has thread
pools of its own and takes all of a GPU's memory. Try `configure(threads=1, gpu=0.5, deterministic=False)`.
"""

from __future__ import annotations

import logging
import os
import re
import subprocess

import tensorflow as tf
from tensorflow.python.framework import ops

from sweepkit.errors import InputError

logger = logging.getLogger(__name__)

# CUDA's context and cuDNN's handles are outside of TensorFlow's limit; about 0.5 GB on current drivers
_CUDA_CONTEXT_MB = 500

# at XLA's default of 3, LLVM unrolls the loops over a step's narrow rows before it can vectorise them
_XLA_FLAGS = "--xla_backend_optimization_level=2"

# the names that tf.custom_gradient generates; gradients registered under other names must stay
_TRACED_GRADIENT = re.compile(r"CustomGradient-\d+")


def configure(*, threads: int, gpu: float, deterministic: bool) -> None:
    """Set threads, GPU memory and determinism for this process, and how XLA compiles for a CPU.

    Args:
        threads: of one operation; as many operations run side by side.
        gpu: 0 hides every GPU; a fraction of one gets that fraction of its memory; 1 or more grow as needed.
        deterministic: choose kernels that give the same bits every time.

    Raises:
        InputError: TensorFlow has started in this process with other settings, as after a model was loaded in a
            notebook.
    """
    try:
        _configure(threads=threads, gpu=gpu, deterministic=deterministic)
    except RuntimeError as error:
        raise InputError(
            f"TensorFlow has already started in this process with other settings: {str(error).partition('.')[0]}; "
            "restart the process (a notebook: its kernel), or run the sweep without inline"
        ) from error


def _configure(*, threads: int, gpu: float, deterministic: bool) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    gpus = tf.config.list_physical_devices("GPU")
    if gpu == 0:
        tf.config.set_visible_devices([], "GPU")
        # XLA reads them at its first compilation; the last of a repeated flag counts, so a user's flags come last
        os.environ["XLA_FLAGS"] = f"{_XLA_FLAGS} {os.environ.get('XLA_FLAGS', '')}".rstrip()
        return
    for device in gpus:
        if gpu < 1:
            limit = memory_limit_mb(gpu, _gpu_memory_mb())
            tf.config.set_logical_device_configuration(
                device, [tf.config.LogicalDeviceConfiguration(memory_limit=limit)]
            )
        else:
            tf.config.experimental.set_memory_growth(device, enable=True)


def find_gpus() -> int:
    """Return how many GPUs TensorFlow can use. The first search in a process logs why there are none."""
    return len(tf.config.list_physical_devices("GPU"))


def configure_task() -> None:
    """Configure a process for a task other than a trial: one thread, no GPU. One that has run trials keeps its own."""
    try:
        configure(threads=1, gpu=0, deterministic=False)
    except InputError:
        # TensorFlow has started, and its settings decide nothing but speed
        logger.debug("TensorFlow has started already: the task uses the devices configured then")


def forget_gradients() -> None:
    """Unregister the gradients of all functions traced so far.

    Each trace of a `tf.custom_gradient` adds its graph and variables to a registry that is never emptied, and Keras'
    optimisers trace one for every model (`tf.distribute`'s all_reduce is one): 13 MB a trial. Call it only between
    two trials: no function traced before may be traced again or differentiated afterwards.
    """
    registered = ops.gradient_registry._registry
    for name in [name for name in registered if _TRACED_GRADIENT.fullmatch(name)]:
        del registered[name]


def memory_limit_mb(fraction: float, total_mb: int) -> int:
    """Return the memory for tensors of a worker with `fraction` of a GPU, so that the GPU's workers all fit."""
    return max(int(fraction * total_mb) - _CUDA_CONTEXT_MB, 1)


def _gpu_memory_mb() -> int:
    """Return the memory of the first visible GPU; TensorFlow reports only what it has allocated."""
    query = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    return int(subprocess.run(query, capture_output=True, text=True, check=True).stdout.split()[0])
