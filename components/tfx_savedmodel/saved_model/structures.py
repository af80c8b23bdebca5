"""What the object graph declares of its functions' arguments and results, by the kinds of value in it.

Source: StructuredValue of core/protobuf/struct.proto, saved_model/nested_structure_coder.py of TensorFlow 2.15.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

#: A kind of object, here a kind of what a function declares: a tensor inside of a function that another one captures.
CAPTURED = "captured_tensor"
#: Kinds that hold others.
_HOLDERS = ("list_value", "tuple_value", "dict_value", "named_tuple_value")


def value_kinds(value: Any) -> Iterator[str]:
    """Yield the kinds in a StructuredValue: "tensor_spec_value", or a type with the number of its fields.

    That is "VARIABLE_SPEC/4".
    """
    kind = value.WhichOneof("kind")
    if kind == "type_spec_value":
        spec = value.type_spec_value
        name = spec.TypeSpecClass.Name(spec.type_spec_class) if _is_named(spec) else f"TYPE_{spec.type_spec_class}"
        yield f"{name}/{len(spec.type_state.tuple_value.values)}"
        yield from value_kinds(spec.type_state)
    elif kind in _HOLDERS:
        for item in _held(getattr(value, kind)):
            yield from value_kinds(item)
    elif kind is not None:
        yield kind


def _is_named(spec: Any) -> bool:
    return spec.type_spec_class in spec.TypeSpecClass.values()


def _held(holder: Any) -> list[Any]:
    if holder.DESCRIPTOR.name == "DictValue":
        return list(holder.fields.values())
    if holder.DESCRIPTOR.name == "NamedTupleValue":
        return [pair.value for pair in holder.values]
    return list(holder.values)


def spec_kinds(item: Any) -> frozenset[str]:
    """Return the kinds in what an object of the object graph says of its Python function."""
    if item.WhichOneof("kind") != "function":
        return frozenset()
    spec = item.function.function_spec
    return frozenset((*value_kinds(spec.fullargspec), *value_kinds(spec.input_signature)))


def function_kinds(objects: Any) -> dict[str, frozenset[str]]:
    """Return the kinds by concrete function, with those of the Python functions that have it; objects by number."""
    found = {
        name: frozenset((*value_kinds(function.canonicalized_input_signature), *value_kinds(function.output_signature)))
        for name, function in objects.concrete_functions.items()
    }
    for number, item in enumerate(objects.nodes):
        kinds = spec_kinds(item)
        if not kinds:
            continue
        for name in item.function.concrete_functions or [f"object {number}"]:
            found[name] = found.get(name, frozenset()) | kinds
    for name, kinds in _capturing(objects):
        found[name] = found.get(name, frozenset()) | kinds
    return found


def _capturing(objects: Any) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield what captures a tensor inside of a function, as own gradients do; and captured ones that nobody binds."""
    captured = {number for number, item in enumerate(objects.nodes) if item.WhichOneof("kind") == CAPTURED}
    if not captured:
        return
    bound: set[int] = set()
    for name, function in objects.concrete_functions.items():
        numbers = captured.intersection(function.bound_inputs)
        bound |= numbers
        if numbers:
            yield name, frozenset({CAPTURED})
    yield from ((f"object {number}", frozenset({CAPTURED})) for number in sorted(captured - bound))
