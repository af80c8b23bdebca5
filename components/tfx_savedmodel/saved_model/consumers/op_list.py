"""The definitions of ops that a model carries, `stripped_op_list`, as a consumer has them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.op_tables import ArgumentDefinition, AttributeDefinition, OpDefinition, OpTable


def fit_op_list(op_list: Any, used: Collection[str], table: OpTable) -> None:
    """Let an OpList define the ops that are used, each as the consumer does; what it does not know stays.

    TF1's importer compares this list with its own ops, and whoever reads the model without TensorFlow takes the
    types of tensors from it.
    """
    held = {op.name: op for op in op_list.op}
    made = []
    for name in sorted(used):
        definition = table.get(name)
        if definition is None or (name in held and _same_attributes(held[name], definition)):
            made += [held[name]] if name in held else []
        else:
            made.append(_op_def(definition))
    fresh = type(op_list)()
    fresh.op.extend(made)
    op_list.CopyFrom(fresh)


def _same_attributes(op: Any, definition: OpDefinition) -> bool:
    return {attribute.name for attribute in op.attr} == set(definition.attributes)


def _op_def(definition: OpDefinition) -> Any:
    op = protos.op_def_pb2().OpDef(name=definition.name, is_stateful=definition.is_stateful)
    for argument in definition.inputs:
        _argument(op.input_arg.add(), argument)
    for argument in definition.outputs:
        _argument(op.output_arg.add(), argument)
    for name, attribute in definition.attributes.items():
        _attribute(op.attr.add(name=name, type=attribute.type), attribute)
    if definition.deprecated_from is not None:
        op.deprecation.version = definition.deprecated_from
    return op


def _argument(proto: Any, argument: ArgumentDefinition) -> None:
    proto.name, proto.is_ref = argument.name, argument.is_reference
    proto.type = argument.type or 0
    proto.type_attr = argument.type_attribute or ""
    proto.type_list_attr = argument.types_attribute or ""
    proto.number_attr = argument.number_attribute or ""


def _attribute(proto: Any, attribute: AttributeDefinition) -> None:
    if attribute.default is not None:
        proto.default_value.ParseFromString(attribute.default)
    if attribute.minimum is not None:
        proto.has_minimum, proto.minimum = True, attribute.minimum
    for value in attribute.allowed or ():
        if isinstance(value, str):
            proto.allowed_values.list.s.append(value.encode())
        else:
            proto.allowed_values.list.type.append(value)
