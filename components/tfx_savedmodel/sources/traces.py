"""The traces of a tf.function, and the one that a plan's specs ask for."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any

from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.saved_model.view import Shape
from tfx_savedmodel.sources.function_names import function_names

Specs = Mapping[str, tuple[str, Shape]]


def is_function(value: Any) -> bool:
    """Tell whether a value is a tf.function, live or restored, or a concrete function."""
    import tensorflow as tf

    return isinstance(value, (tf.types.experimental.GenericFunction, tf.types.experimental.ConcreteFunction))


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
    given = {name: tf.TensorSpec(shape, tf.as_dtype(dtype), name=name) for name, (dtype, shape) in specs.items()}
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
