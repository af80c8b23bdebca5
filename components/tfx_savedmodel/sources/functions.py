"""The tf.functions of a loaded object: found by attribute path, traced, and named as a SavedModel names them."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.saved_model.view import Shape
from tfx_savedmodel.sources.function_names import function_names
from tfx_savedmodel.sources.traces import Specs, concrete, is_function

#: Objects looked into, and how deep: a model that is larger than this holds its functions near its root.
_MOST = 20_000
_DEEPEST = 6

#: What Keras 2 and 3 keep on what they save.
_KERAS = {
    "call_and_return_all_conditional_losses",
    "call_and_return_conditional_losses",
    "keras_api",
    "predict_function",
    "predict_step",
    "signatures",
    "test_function",
    "test_step",
    "train_function",
    "train_step",
    "train_tf_function",
}


@dataclasses.dataclass(frozen=True)
class TracedFunction:
    """A traced tf.function: inputs and outputs by the names of a signature, each (dtype, shape).

    `concrete` is the trace; `function` is the tf.function with all its traces, or `concrete` again.
    """

    inputs: Mapping[str, tuple[str, Shape]]
    outputs: Mapping[str, tuple[str, Shape]]
    call: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    described: str
    concrete: Any
    function: Any


def tf_functions(root: Any) -> dict[str, Any]:
    """Return every tf.function and concrete function of a trackable object by attribute path.

    A path is "score", "encoder.embed", "heads.0.score" or "__call__". Live objects and restored SavedModels
    are looked into alike; what Keras makes for itself is left out.
    """
    found: dict[str, Any] = {}
    stack, seen = [("", root, 0)], {id(root)}
    while stack and len(seen) < _MOST:
        path, value, depth = stack.pop(0)
        for name, child in _attributes(value):
            below = f"{path}.{name}" if path else name
            if is_function(child):
                found[below] = child
            elif depth < _DEEPEST and id(child) not in seen and _is_looked_into(child):
                seen.add(id(child))
                stack.append((below, child, depth + 1))
    return dict(sorted(found.items()))


def function_of(root: Any, path: str | None, specs: Specs | None, where: str) -> TracedFunction:
    """Return the function at a path of an object, or its only one, traced.

    Raises:
      UnsupportedModelError: no such function, or several without a path, or it cannot be traced so.
    """
    functions = tf_functions(root)
    if path is None and len(functions) == 1:
        path = next(iter(functions))
    if path is None or path not in functions:
        raise UnsupportedModelError(
            "no such function" if path is not None else "it cannot be told which function is meant",
            where=where,
            found=path or ("several" if functions else "no tf.function"),
            wanted=", ".join(functions) or "an object with a tf.function",
            next_step="name one of them as path" if functions else "decorate the method with @tf.function",
        )
    return traced(functions[path], specs, f"function {path!r}")


def traced(function: Any, specs: Specs | None, described: str) -> TracedFunction:
    """Trace a tf.function, or take a concrete one as it is, with the names that a signature of it has.

    Raises:
      UnsupportedModelError: as `concrete` and `function_names`.
    """
    import tensorflow as tf

    trace = concrete(function, specs, described)
    inputs, outputs = function_names(trace, described)
    structure = trace.structured_input_signature
    leaves = tf.nest.flatten(structure)

    def call(given: Mapping[str, Any]) -> Mapping[str, Any]:
        names = iter(inputs)
        values = [given[next(names)] if isinstance(leaf, tf.TypeSpec) else leaf for leaf in leaves]
        args, kwargs = tf.nest.pack_sequence_as(structure, values)
        return dict(zip(outputs, tf.nest.flatten(trace(*args, **kwargs)), strict=True))

    return TracedFunction(inputs, outputs, call, described, concrete=trace, function=function)


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the public attributes of an object, the items of a collection; properties are not run."""
    if isinstance(value, Mapping):
        yield from ((str(key), child) for key, child in value.items() if str(key).isidentifier())
        return
    if isinstance(value, (list, tuple)):
        yield from ((str(index), child) for index, child in enumerate(value))
        return
    for name in sorted({*getattr(value, "__dict__", {}), *dir(type(value))}):
        hidden = (name.startswith("_") and name != "__call__") or not name.isidentifier() or name in _KERAS
        if hidden or isinstance(inspect.getattr_static(value, name, None), property):
            continue
        try:
            yield name, getattr(value, name)
        except Exception:  # A descriptor of the author's or of Keras: whatever it wants, it is no function.
            continue


def _is_looked_into(value: Any) -> bool:
    import tensorflow as tf

    if isinstance(value, (tf.Variable, tf.Tensor, type)):
        return False
    return isinstance(value, (list, tuple, Mapping, tf.Module, tf.__internal__.tracking.Trackable))
