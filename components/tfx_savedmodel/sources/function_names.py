"""What a signature of a concrete function is called: its inputs and outputs by name, each with dtype and shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.saved_model.view import Shape

Named = dict[str, tuple[str, Shape]]


def function_names(trace: Any, where: str = "") -> tuple[Named, Named]:
    """Return the inputs and outputs of a concrete function as a signature of it names them, each (dtype, shape).

    Inputs have the names of their specs, else of the arguments; outputs the keys of a returned dictionary,
    else "output_0".

    Raises:
      UnsupportedModelError: a tensor is not dense, or two have one name.
    """
    import tensorflow as tf

    leaves = tf.nest.flatten(trace.structured_input_signature)
    tensors = [leaf for leaf in leaves if isinstance(leaf, tf.TypeSpec)]
    results = trace.structured_outputs
    flat = tf.nest.flatten(results)
    inputs = zip(_input_names(trace, tensors, where), tensors, strict=True)
    outputs = zip(_output_names(results, flat, where), flat, strict=True)
    return {name: _form(spec) for name, spec in inputs}, {name: _form(item) for name, item in outputs}


def _input_names(made: Any, tensors: list[Any], where: str) -> list[str]:
    import tensorflow as tf

    for spec in tensors:
        if not isinstance(spec, tf.TensorSpec):
            raise UnsupportedModelError(
                "an argument is not a dense tensor", where=where, found=str(spec), wanted="dense tensors"
            )
    names = [str(name) for name in getattr(made, "_arg_keywords", None) or ()]
    if len(names) != len(tensors):
        names = [str(spec.name or "").rpartition("/")[2] for spec in tensors]
    if len(set(names)) != len(names) or not all(names):
        raise UnsupportedModelError(
            "the function's tensors have no names of their own",
            where=where,
            found=", ".join(name or "none" for name in names),
            wanted="a different name for each",
            next_step="give each tf.TensorSpec of the input signature a name",
        )
    return names


def _output_names(results: Any, flat: list[Any], where: str) -> list[str]:
    import tensorflow as tf

    if not flat or not all(isinstance(item, (tf.Tensor, tf.TensorSpec)) for item in flat):
        raise UnsupportedModelError(
            "the function does not return dense tensors",
            where=where,
            found=str(results),
            wanted="a tensor, several, or a dictionary of them",
        )
    if not isinstance(results, Mapping):
        return [f"output_{index}" for index in range(len(flat))]
    if any(isinstance(value, (Mapping, list, tuple)) for value in results.values()):
        raise UnsupportedModelError(
            "the function returns a nested dictionary", where=where, found=str(results), wanted="a flat one"
        )
    return [str(key) for key in sorted(results)]


def _form(spec: Any) -> tuple[str, Shape]:
    return spec.dtype.name, tuple(spec.shape.as_list()) if spec.shape.rank is not None else None
