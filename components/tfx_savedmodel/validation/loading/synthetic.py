"""Inputs made from a signature's declaration, and serialized examples from the graph's parsing spec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfx_savedmodel.saved_model.dtypes import numpy_dtype
from tfx_savedmodel.saved_model.parsing import ParsingSpec, parsing_spec
from tfx_savedmodel.saved_model.view import MetaGraphView, SignatureView, TensorSpec
from tfx_savedmodel.validation.check import Skip
from tfx_savedmodel.validation.loading.formats import example, refuse_formats

if TYPE_CHECKING:
    import numpy as np

#: Sizes of the batches that a signature is run with.
BATCHES = (1, 3, 0)


def synthetic_inputs(
    meta_graph: MetaGraphView, signature: SignatureView, batch: int
) -> dict[str, np.ndarray[Any, Any]]:
    """Return an array for each input of a signature: zeros, empty strings, or serialized examples.

    The first dimension is `batch` where it is open; a further open dimension is 1.

    Raises:
      Skip: no sensible input can be made, or the batch dimension is fixed to another size.
    """
    inputs: dict[str, np.ndarray[Any, Any]] = {}
    for name, spec in sorted(signature.inputs.items()):
        inputs[name] = _array(meta_graph, signature, name, spec, batch)
    if not inputs and batch != 1:
        raise Skip("the signature has no inputs, hence no batch")
    return inputs


def _array(
    meta_graph: MetaGraphView, signature: SignatureView, name: str, spec: TensorSpec, batch: int
) -> np.ndarray[Any, Any]:
    import numpy as np

    if spec.kind != "dense":
        raise Skip(f"the input {name!r} is {spec.kind}")
    if spec.dtype in ("resource", "variant", "unknown"):
        raise Skip(f"the input {name!r} is a {spec.dtype}")
    shape = _shape(meta_graph, name, spec, batch)
    if spec.dtype != "string":
        return np.zeros(shape, dtype=numpy_dtype(spec.dtype))
    found = parsing_spec(meta_graph, signature, name)
    if found is None:
        refuse_formats(meta_graph, signature, name)
        return filled(shape, b"")
    return filled(shape, _neutral_example(found))


def filled(shape: tuple[int, ...], value: bytes) -> np.ndarray[Any, Any]:
    import numpy as np

    array = np.empty(shape, dtype=object)
    array.fill(value)  # np.full would go through NumPy's own bytes, which lose trailing zeros
    return array


def _shape(meta_graph: MetaGraphView, name: str, spec: TensorSpec, batch: int) -> tuple[int, ...]:
    if spec.shape is None:
        if spec.dtype == "string":  # tf.Example receivers of TF1 leave the rank open
            return (batch,)
        raise Skip(f"the rank of the input {name!r} is not declared")
    if not spec.shape or spec.shape[0] is not None:
        first = spec.shape[0] if spec.shape else 1
        if batch != 1:
            raise Skip(f"the input {name!r} has no open batch dimension")
        return tuple(1 if size is None else size for size in (first, *spec.shape[1:])) if spec.shape else ()
    return (batch, *(1 if size is None else size for size in spec.shape[1:]))


def _neutral_example(spec: ParsingSpec) -> bytes:
    """Return a serialized tf.Example with every dense feature zero or empty, every sparse one of one value."""
    return example(spec, lambda name, dtype, count: [b"" if dtype == "string" else 0] * count)
