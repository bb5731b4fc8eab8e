"""Functions that XLA compiles once per process, and that any number of graphs call without leaking memory.

`tf.function(jit_compile=True)` is the public way, but each graph that calls such a function leaves copies of the
function and of its loops behind, even after the graph is deleted: about 1 MB per trained model. TensorFlow makes the
copies while it searches for inputs that must be constants (`GetBodyAndConstantsAndResources`, in compiler/jit).
Such a call becomes the operation `XlaLaunch`. Created directly, with no constants declared, it skips the search.
"""

from __future__ import annotations

from typing import Any  # TensorFlow types neither tensors nor functions

import tensorflow as tf

# neither is public; `tests/nn/scan/test_xla.py` fails if a release of TensorFlow changes them
from tensorflow.compiler.jit.ops.xla_ops import xla_launch
from tensorflow.compiler.tf2xla.ops.gen_xla_ops import xla_dynamic_update_slice


def update_slice(values: Any, part: Any, start: list[Any]) -> Any:
    """Return values with `part`, of as many axes, written at `start` <int32>[axes]; only inside XLA, and in place."""
    return xla_dynamic_update_slice(values, part, tf.stack(start))


def compiled(function: Any, *inputs: Any) -> Any:
    """Trace a function for its inputs; XLA compiles it at the first call with each shape.

    Args:
        function: of tensors, or of nested lists and tuples of tensors; no shape may depend on the value of an argument.
        inputs: a tf.TensorSpec for each tensor, nested like the arguments.

    Returns:
        A function to call in a graph, with the arguments and results of `function`.
    """
    traced = tf.function(function, autograph=False, input_signature=inputs).get_concrete_function()
    results = tf.nest.flatten(traced.structured_outputs)

    def call(*arguments: Any) -> Any:
        values = xla_launch(
            constants=[],
            args=tf.nest.flatten(arguments),
            resources=[],
            Tresults=[result.dtype for result in results],
            function=traced,
        )
        shaped = [tf.ensure_shape(value, result.shape) for value, result in zip(values, results, strict=True)]
        return tf.nest.pack_sequence_as(traced.structured_outputs, shaped)

    return call
