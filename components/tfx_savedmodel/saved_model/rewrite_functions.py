"""A TF2 signature's function under other names, as a copy beside the original.

TensorFlow's loader gives a restored function its argument names, so the same function cannot have two
sets of them. It binds structured inputs and outputs in the sorted order of their names (tf.nest), while
a FunctionDef knows positions only: where other names sort in another order, the copy's arguments and
results are put into that order. Sources: saved_model/function_deserialization.py and
saved_model/signature_serialization.py of TensorFlow 2.15 and 2.21.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tfx_savedmodel.errors import UnsupportedModelError, UsageError
from tfx_savedmodel.saved_model.argument_names import WANTED, is_argument_name


@dataclasses.dataclass(frozen=True)
class Names:
    """Exported name -> the source's, for each side; None where that side stays as it is."""

    inputs: Mapping[str, str] | None
    outputs: Mapping[str, str] | None

    @property
    def change(self) -> bool:
        """Whether anything is to be named otherwise or left out."""
        return self.inputs is not None or self.outputs is not None

    def identity(self) -> str:
        """Return a text that is equal for equal names."""
        return repr([None if side is None else sorted(side.items()) for side in (self.inputs, self.outputs)])


def renamed_function(meta_graph: Any, key: str, number: int, names: Names) -> int:
    """Append a copy of the signature function that is node `number`, under `names`; return its number.

    Node, SavedConcreteFunction and FunctionDef are copied; the body, its captures and whatever it calls
    stay the same. No existing object changes its number.

    Args:
      meta_graph: a MetaGraphDef of a TF2 model; it is edited.
      key: the source's signature key, its SignatureDef still unchanged.

    Raises:
      UsageError: an input's new name is none for an argument of Python.
      UnsupportedModelError: the function's inputs and outputs are not plain tensors, one for each name.
    """
    objects = meta_graph.object_graph_def
    node = objects.nodes[number]
    name = node.bare_concrete_function.concrete_function_name
    library = meta_graph.graph_def.library
    original = next((item for item in library.function if item.signature.name == name), None)
    saved = objects.concrete_functions.get(name)
    if original is None or saved is None:
        raise _unsupported(key, "its function is not in the model", name or node.WhichOneof("kind") or "no function")
    _refuse_composites(key, meta_graph.signature_def[key])
    taken = {item.signature.name for item in library.function}
    copied = next(text for text in (f"{name}_{count}" for count in itertools.count(1)) if text not in taken)
    appended = objects.nodes.add()
    appended.CopyFrom(objects.nodes[number])
    appended.bare_concrete_function.concrete_function_name = copied
    objects.concrete_functions[copied].CopyFrom(saved)
    function = library.function.add()
    function.CopyFrom(original)
    function.signature.name = copied
    for gradient in [item for item in library.gradient if item.function_name == name]:
        library.gradient.add(function_name=copied, gradient_func=gradient.gradient_func)
    if names.inputs is not None:
        _rename_inputs(key, appended.bare_concrete_function, objects.concrete_functions[copied], function, names.inputs)
    if names.outputs is not None:
        _rename_outputs(key, objects.concrete_functions[copied], function, names.outputs)
    return len(objects.nodes) - 1


def _refuse_composites(key: str, signature: Any) -> None:
    """Such an input is several arguments, whose names and order are TensorFlow's own."""
    for name, info in [*sorted(signature.inputs.items()), *sorted(signature.outputs.items())]:
        if info.WhichOneof("encoding") in ("coo_sparse", "composite_tensor"):
            raise _unsupported(key, "it has sparse or composite tensors", name)


def _rename_inputs(key: str, bare: Any, saved: Any, function: Any, inputs: Mapping[str, str]) -> None:
    _check_arguments(key, inputs)
    before = list(bare.argument_keywords)
    fields = _input_fields(saved)
    plain = fields is not None and all(_spec(value) is not None for value in fields.values())
    captures = len(saved.bound_inputs)
    if (
        not plain
        or sorted(before) != sorted(inputs.values())
        or set(fields or ()) != set(before)
        or len(function.signature.input_arg) != len(before) + captures
    ):
        raise _unsupported(key, "the function's arguments are not the signature's inputs", str(before))
    after = sorted(inputs)
    del bare.argument_keywords[:]
    bare.argument_keywords.extend(after)
    _rename_specs(fields, inputs)
    _rename_function_spec(bare, {old: new for new, old in inputs.items()})
    _permute_arguments(function, [before.index(inputs[name]) for name in after])
    for place, name in enumerate(after):
        if "_user_specified_name" in function.arg_attr[place].attr:
            function.arg_attr[place].attr["_user_specified_name"].s = name.encode()


def _check_arguments(key: str, names: Collection[str]) -> None:
    wrong = [name for name in sorted(names) if not is_argument_name(name)]
    if wrong:
        raise UsageError(
            "a TF2 signature cannot have an input of this name",
            where=f"signature {key!r}",
            found=", ".join(map(repr, wrong)),
            wanted=WANTED,
            next_step="choose another name; a name that the source has already must be changed as well",
        )


def _input_fields(saved: Any) -> Any:
    """Return the keyword arguments of ((), {name: spec}), or None where there are others."""
    structure = saved.canonicalized_input_signature
    parts = structure.tuple_value.values
    if len(parts) != 2 or parts[0].tuple_value.values or parts[1].WhichOneof("kind") != "dict_value":
        return None
    return parts[1].dict_value.fields


def _spec(value: Any) -> Any:
    kind = value.WhichOneof("kind")
    return getattr(value, kind) if kind in ("tensor_spec_value", "bounded_tensor_spec_value") else None


def _rename_specs(fields: Any, names: Mapping[str, str]) -> None:
    """Name the specs of a StructuredValue's dictionary again, and drop those without a name."""
    old = {name: _copy(value) for name, value in fields.items()}
    fields.clear()
    for name, source in names.items():
        fields[name].CopyFrom(old[source])
        _spec(fields[name]).name = name


def _rename_function_spec(bare: Any, new: Mapping[str, str]) -> None:
    """TF 2.4 to 2.10 wrote `**kwargs`, later ones the names as keyword-only arguments.

    Any other form is dropped: without one the loader goes by the structured inputs.
    """
    if not bare.HasField("function_spec"):
        return
    spec = bare.function_spec
    values = {item.key: item.value for item in spec.fullargspec.named_tuple_value.values}
    only = values.get("kwonlyargs")
    names = [item.string_value for item in only.list_value.values] if only is not None else []
    others = [values.get(key) for key in ("args", "defaults", "kwonlydefaults")]
    keywords = values["varkw"].WhichOneof("kind") == "string_value" if "varkw" in values else False
    understood = (
        (set(names) == set(new) or (keywords and not names))
        and not any(_holds(value) for value in others)
        and spec.input_signature.WhichOneof("kind") in (None, "none_value")
    )
    if not understood:
        bare.ClearField("function_spec")
        return
    if only is not None and names:
        del only.list_value.values[:]
        for name in sorted(new.values()):
            only.list_value.values.add(string_value=name)


def _holds(value: Any) -> bool:
    """Tell whether a StructuredValue is more than nothing or an empty collection."""
    kind = value.WhichOneof("kind") if value is not None else None
    return kind not in (None, "none_value") and bool(getattr(value, kind).ByteSize())


def _permute_arguments(function: Any, order: Sequence[int]) -> None:
    """Put the first arguments into `order` (numbers of old places); captures come after and stay.

    The arguments keep the names that the body knows them by.
    """
    _reorder(function.signature.input_arg, order)
    shapes = function.attr["_input_shapes"].list.shape if "_input_shapes" in function.attr else ()
    if len(shapes) >= len(order):
        _reorder(shapes, order)
    attributes = {place: _copy(value) for place, value in function.arg_attr.items()}
    resources = dict(function.resource_arg_unique_id.items())
    for held in (function.arg_attr, function.resource_arg_unique_id):
        for place in [place for place in held if place < len(order)]:
            del held[place]
    for place, source in enumerate(order):
        if source in attributes:
            function.arg_attr[place].CopyFrom(attributes[source])
        if source in resources:
            function.resource_arg_unique_id[place] = resources[source]


def _reorder(values: Any, order: Sequence[int]) -> None:
    copies = [_copy(values[source]) for source in order]
    for place, copy in enumerate(copies):
        values[place].CopyFrom(copy)


def _copy(proto: Any) -> Any:
    made = type(proto)()
    made.CopyFrom(proto)
    return made


def _rename_outputs(key: str, saved: Any, function: Any, outputs: Mapping[str, str]) -> None:
    structure = saved.output_signature
    results = function.signature.output_arg
    fields = structure.dict_value.fields
    if (
        structure.WhichOneof("kind") != "dict_value"
        or len(fields) != len(results)
        or not set(outputs.values()) <= set(fields)
        or any(_spec(value) is None for value in fields.values())
    ):
        raise _unsupported(key, "the function's results are not the signature's outputs", str(sorted(fields)))
    old = dict(zip(sorted(fields), [_copy(item) for item in results], strict=True))
    returned = dict(function.ret.items())
    _rename_specs(fields, outputs)
    del results[:]
    function.ret.clear()
    for name in sorted(outputs):
        source = old[outputs[name]]
        argument = results.add()
        argument.CopyFrom(source)
        if source.name in function.ret:  # exported twice, while a result has one name
            numbered = (f"{source.name}_{count}" for count in itertools.count(1))
            argument.name = next(text for text in numbered if text not in function.ret and text not in returned)
        function.ret[argument.name] = returned[source.name]


def _unsupported(key: str, message: str, found: str) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"a signature cannot have other names: {message}",
        where=f"signature {key!r}",
        found=found,
        wanted="a function of plain tensors, one for each name",
        next_step="keep its names, or wrap it in a signature of kind model, which is traced",
    )
