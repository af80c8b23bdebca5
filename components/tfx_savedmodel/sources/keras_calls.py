"""What a Keras model takes and gives, by the names that its own export would have."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Mapping
from typing import Any

from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.sources.keras_library import is_a
from tfx_savedmodel.sources.keras_load import is_keras_3, unbuilt

#: Names that Keras 3 counts up in a process: no two exports of one model would have the same.
_COUNTED = re.compile(r"keras_tensor(_\d+)?$")


@dataclasses.dataclass(frozen=True)
class CallSpecs:
    """The specs that a Keras model is called with: structures of tf.TensorSpec and plain values.

    `names` are those of the tensors, in the order in which tf.nest flattens (args, kwargs).
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    names: tuple[str, ...]

    @property
    def by_name(self) -> dict[str, Any]:
        """The tf.TensorSpec of each input by its name."""
        return dict(zip(self.names, _tensors((self.args, dict(self.kwargs))), strict=True))

    def packed(self, tensors: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return (args, kwargs) with the tensors in their places."""
        import tensorflow as tf

        structure = (self.args, dict(self.kwargs))
        names = iter(self.names)
        flat = [
            tensors[next(names)] if isinstance(leaf, tf.TensorSpec) else leaf for leaf in tf.nest.flatten(structure)
        ]
        args, kwargs = tf.nest.pack_sequence_as(structure, flat)
        return tuple(args), kwargs


def call_specs(model: Any, where: str) -> CallSpecs:
    """Return what a model is called with, the batch left open unless the model keeps state for each place of it.

    Functional and Sequential inputs are named as their layers; those of a subclassed model by the keys of a
    dictionary, else as Keras names them: `input_1`, `args_0`.

    Raises:
      UnsupportedModelError: the model was never built, or an input is sparse or ragged.
    """
    args, kwargs = _of_keras_3(model, where) if is_keras_3(model) else _of_keras_2(model, where)
    leaves = _tensors((args, kwargs))
    flat = [spec.name for spec in leaves]
    keyed = _keys(args[0]) if len(args) == 1 and not kwargs else None
    if keyed is not None and not _is_graph(model):
        names = keyed
    elif all(flat) and len(set(flat)) == len(flat) and not any(_COUNTED.match(str(name)) for name in flat):
        names = [str(name).rpartition("/")[2] for name in flat]
    else:
        names = _numbered(args, kwargs)
    return CallSpecs(tuple(args), kwargs, tuple(names))


def output_names(model: Any, results: Any) -> list[str]:
    """Return the names of a model's results, in the order of tf.nest.flatten.

    Keras 2 has the output layers', else `output_1`; Keras 3 the keys of a dictionary, else `output_0`.
    """
    import tensorflow as tf

    count = len(tf.nest.flatten(results))
    if not is_keras_3(model) and getattr(model, "output_names", None):
        return [str(name) for name in model.output_names]
    keys = _keys(results)
    if keys is not None:
        return keys
    first = 0 if is_keras_3(model) else 1
    return [f"output_{index + first}" for index in range(count)]


def keeps_state(model: Any) -> bool:
    """Tell whether a layer keeps state from one call to the next, for each place of a batch of fixed size."""
    return any(
        getattr(layer, "stateful", False) is True or keeps_state(layer) for layer in getattr(model, "layers", ()) or ()
    )


def takes_training(model: Any) -> bool:
    """Tell whether a model's call has an argument `training`."""
    parameters = inspect.signature(model.call).parameters
    return "training" in parameters or any(item.kind is item.VAR_KEYWORD for item in parameters.values())


def _of_keras_2(model: Any, where: str) -> tuple[list[Any], dict[str, Any]]:
    specs = model.save_spec(dynamic_batch=not keeps_state(model)) if hasattr(model, "save_spec") else None
    if specs is None:
        shapes = (model.get_build_config() or {}).get("input_shape") if model.built else None
        if shapes is None:
            raise unbuilt(where, type(model).__name__)
        return [_from_shapes(shapes, model.dtype or "float32")], {}
    args, kwargs = specs
    args = list(args)
    while len(args) > 1 and (args[-1] is None or isinstance(args[-1], bool)):
        args.pop()  # `training`, which is given by name, and what has no value
    kwargs = {name: value for name, value in kwargs.items() if name != "training"}
    _refuse_composites((args, kwargs), getattr(model, "input_names", None) or [], where)
    return list(args), kwargs


def _of_keras_3(model: Any, where: str) -> tuple[list[Any], dict[str, Any]]:
    if not model.built:
        raise unbuilt(where, type(model).__name__)
    if _is_graph(model):
        # A Sequential model keeps its graph in a functional one of its own.
        structure = getattr(model, "_inputs_struct", None)
        batch = keeps_state(model)
        inputs = structure if structure is not None else model.inputs[0]
        return [_map(inputs, lambda item: _symbolic(item, where, batch=batch))], {}
    shapes = getattr(model, "_build_shapes_dict", None)
    if not shapes:
        raise unbuilt(where, type(model).__name__)
    return [_from_shapes(value, model.input_dtype) for value in shapes.values()], {}


def _symbolic(tensor: Any, where: str, *, batch: bool) -> Any:
    import tensorflow as tf

    for form in ("sparse", "ragged"):
        if getattr(tensor, form, False):
            raise _composite(where, tensor.name, form)
    return tf.TensorSpec((tensor.shape[0] if batch else None, *tensor.shape[1:]), tensor.dtype, name=tensor.name)


def _is_graph(model: Any) -> bool:
    """Functional, or Sequential with known inputs."""
    if not is_keras_3(model):
        return bool(getattr(model, "_is_graph_network", False))
    if hasattr(model, "_inputs_struct"):
        return True
    return is_a(model, "Sequential") and bool(model.inputs)


def _from_shapes(shapes: Any, dtype: Any) -> Any:
    import tensorflow as tf

    if isinstance(shapes, Mapping):
        return {name: _from_shapes(value, dtype) for name, value in shapes.items()}
    if all(size is None or isinstance(size, int) for size in shapes):
        return tf.TensorSpec((None, *shapes[1:]), dtype)
    return [_from_shapes(value, dtype) for value in shapes]


def _map(structure: Any, function: Any) -> Any:
    """Map over dictionaries and lists alone: Keras's own trackable ones become plain."""
    if isinstance(structure, Mapping):
        return {name: _map(value, function) for name, value in structure.items()}
    if isinstance(structure, (list, tuple)):
        return [_map(value, function) for value in structure]
    return function(structure)


def _refuse_composites(structure: Any, names: list[str], where: str) -> None:
    import tensorflow as tf

    for index, spec in enumerate(tf.nest.flatten(structure)):
        if isinstance(spec, tf.TypeSpec) and not isinstance(spec, tf.TensorSpec):
            form = type(spec).__name__.removesuffix("TensorSpec").lower()
            raise _composite(where, names[index] if index < len(names) else f"input {index}", form)


def _composite(where: str, name: str, form: str) -> UnsupportedModelError:
    return UnsupportedModelError(
        "an input is not a dense tensor",
        where=where,
        found=f"{name}: {form}",
        wanted="dense tensors: a signature has no others",
        next_step="make the tensor sparse or ragged inside the model",
    )


def _tensors(structure: Any) -> list[Any]:
    import tensorflow as tf

    return [leaf for leaf in tf.nest.flatten(structure) if isinstance(leaf, tf.TensorSpec)]


def _keys(structure: Any) -> list[str] | None:
    """Return the keys of a dictionary of tensors as tf.nest orders them."""
    if not isinstance(structure, Mapping) or any(
        isinstance(value, (Mapping, list, tuple)) for value in structure.values()
    ):
        return None
    return [str(key) for key in sorted(structure)]


def _numbered(args: list[Any], kwargs: Mapping[str, Any]) -> list[str]:
    names = []
    for index, arg in enumerate(args):
        count = len(_tensors(arg))
        keys = _keys(arg)
        own = [f"args_{index}"] if count == 1 else [f"args_{index}_{inner}" for inner in range(count)]
        names += keys if keys is not None and len(args) == 1 else own
    for key in sorted(kwargs):
        count = len(_tensors(kwargs[key]))
        names += [key] if count == 1 else [f"{key}_{inner}" for inner in range(count)]
    return names
