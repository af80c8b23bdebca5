"""The tf.functions of a loaded object: found by attribute path, traced, and named as a SavedModel names them."""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.saved_model.view import Shape

Specs = Mapping[str, tuple[str, Shape]]
Named = dict[str, tuple[str, Shape]]

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


def is_function(value: Any) -> bool:
    """Tell whether a value is a tf.function, live or restored, or a concrete function."""
    import tensorflow as tf

    return isinstance(value, (tf.types.experimental.GenericFunction, tf.types.experimental.ConcreteFunction))


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


def concrete(function: Any, specs: Specs | None, where: str = "") -> Any:
    """Return the trace of a tf.function for these specs of its tensor arguments by name.

    Without specs that of its own input signature, else its only one. Arguments that `specs` leaves out keep
    their defaults.

    Raises:
      UnsupportedModelError: no specs where there is no trace or several, or specs that do not fit; the
        traces that it has are listed.
    """
    import tensorflow as tf

    if not is_function(function):
        raise UnsupportedModelError(
            "not a tf.function",
            where=where,
            found=type(function).__name__,
            wanted="a tf.function or a concrete function",
            next_step="decorate it with @tf.function",
        )
    if isinstance(function, tf.types.experimental.ConcreteFunction):
        return function
    if specs is None:
        if getattr(function, "input_signature", None) is not None:
            return function.get_concrete_function()
        known = traces(function)
        if len(known) == 1:
            return known[0]
        raise _unclear(function, where, "several traces" if known else "no input signature, and no trace yet")
    given = {
        name: tf.TensorSpec(shape, _dtype(dtype, name, where), name=name) for name, (dtype, shape) in specs.items()
    }
    arguments = _arguments(function)
    unknown = sorted(set(given) - set(arguments)) if arguments else []
    if unknown:
        raise _unclear(function, where, f"no argument {', '.join(unknown)}; it has {', '.join(arguments)}")
    restored = getattr(function, "concrete_functions", None)
    if restored and not any(_covers(trace, specs) for trace in traces(function)):
        # It would take a trace of a narrower shape without a word, and give what that one gives.
        raise _unclear(function, where, f"no trace takes {_as_plan(specs)}")
    try:
        return function.get_concrete_function(**given)
    except Exception as error:  # Tracing runs the author's code, which raises anything.
        raise _unclear(function, where, f"{type(error).__name__}: {error}") from error


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


def traces(function: Any) -> list[Any]:
    """Return the concrete functions of a tf.function, live or restored: one for each way to call it."""
    restored = getattr(function, "concrete_functions", None)
    every = restored if restored is not None else function._list_all_concrete_functions()
    return list({str(trace.structured_input_signature): trace for trace in every}.values())


def _arguments(function: Any) -> list[str]:
    """Return the argument names of a live tf.function; nothing for a restored one, which takes any."""
    if getattr(function, "concrete_functions", None) is not None:
        return []
    parameters = inspect.signature(function.python_function).parameters
    if any(item.kind is item.VAR_KEYWORD for item in parameters.values()):
        return []
    return [name for name in parameters if name != "self"]


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


def _covers(trace: Any, specs: Specs) -> bool:
    """Tell whether a trace takes every tensor of these dtypes and shapes."""
    try:
        inputs, _ = function_names(trace)
    except UnsupportedModelError:
        return True  # nothing is known of it; TensorFlow decides
    for name, (dtype, shape) in specs.items():
        if name not in inputs or inputs[name][0] != dtype:
            return False
        takes = inputs[name][1]
        if takes is None:
            continue
        if shape is None or len(shape) != len(takes):
            return False
        if any(size is not None and size != wanted for size, wanted in zip(takes, shape, strict=True)):
            return False
    return True


def _as_plan(specs: Specs) -> str:
    """Return specs as a plan says them."""
    return json.dumps({name: {"dtype": dtype, "shape": shape} for name, (dtype, shape) in specs.items()})


def _unclear(function: Any, where: str, found: str) -> UnsupportedModelError:
    known = []
    for trace in traces(function)[:8]:
        try:
            known.append(_as_plan(function_names(trace)[0]))
        except UnsupportedModelError:
            known.append(str(trace.structured_input_signature))
    example = next((text for text in known if text.startswith("{")), '{"x": {"dtype": "float32", "shape": [null, 4]}}')
    return UnsupportedModelError(
        "the function cannot be traced for a signature",
        where=where,
        found=found,
        wanted=f"one of its traces: {'; '.join(known)}" if known else "a spec for each tensor argument by name",
        next_step=f'say them in the plan as "inputs": {example}',
    )


def _dtype(name: str, argument: str, where: str) -> Any:
    import tensorflow as tf

    try:
        return tf.as_dtype(name)
    except TypeError as error:
        raise UnsupportedModelError("no such dtype", where=f"{where}, {argument}", found=name) from error


def _form(spec: Any) -> tuple[str, Shape]:
    return spec.dtype.name, tuple(spec.shape.as_list()) if spec.shape.rank is not None else None
