"""Functions that XLA compiles once for a process, called from any number of graphs without leaving anything behind.

`tf.function(jit_compile=True)` does the same in public, but each graph that calls one keeps copies of the function and
of the loops in it for good, even when the graph is gone: about 1 MB a trained model. TensorFlow makes them while it
looks for inputs that must be constants (`GetBodyAndConstantsAndResources`, in compiler/jit). `XlaLaunch`, the operation
that such a call becomes, is told that there are none.
"""

from __future__ import annotations

from typing import Any  # TensorFlow types neither tensors nor functions

import tensorflow as tf

# neither is public; `tests/nn/scan/test_xla.py` tells when they change
from tensorflow.compiler.jit.ops.xla_ops import xla_launch
from tensorflow.compiler.tf2xla.ops.gen_xla_ops import xla_dynamic_update_slice


def update_slice(values: Any, part: Any, start: list[Any]) -> Any:
    """Return values with `part`, of as many axes, written at `start` <int32>[axes]; in XLA only, and in place there."""
    return xla_dynamic_update_slice(values, part, tf.stack(start))


def compiled(function: Any, *inputs: Any) -> Any:
    """Trace a function for these inputs; XLA compiles it at the first call with each shape.

    Args:
        function: of tensors, or of nested lists and tuples of them; no argument of it may decide about a shape.
        inputs: a tf.TensorSpec for each tensor, nested as the arguments are.

    Returns:
        What to call in a graph, with what `function` takes; it returns what `function` does.
    """
    traced = tf.function(function, autograph=False, input_signature=inputs).get_concrete_function()
    results = tf.nest.flatten(traced.structured_outputs)

    def call(*arguments: Any) -> Any:
        found = xla_launch(
            constants=[],
            args=tf.nest.flatten(arguments),
            resources=[],
            Tresults=[result.dtype for result in results],
            function=traced,
        )
        shaped = [tf.ensure_shape(value, result.shape) for value, result in zip(found, results, strict=True)]
        return tf.nest.pack_sequence_as(traced.structured_outputs, shaped)

    return call
