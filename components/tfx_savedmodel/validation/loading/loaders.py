"""The three loaders, each in the process that is forked for it; they tell what happens as events."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.errors import UnsupportedStackError
from tfx_savedmodel.validation.loading.telling import Run, Tell, error_words

if TYPE_CHECKING:
    import numpy as np

    from tfx_savedmodel.saved_model.view import SignatureView, TensorSpec
    from tfx_savedmodel.validation.loading.candidates import Inputs

    Array = np.ndarray[Any, Any]


def load(request: Mapping[str, Any], tell: Tell) -> None:
    """Load `request["model"]` with `request["loader"]`; with `runs`, run its signatures."""
    started = time.monotonic()
    try:
        signatures, run = _LOADERS[request["loader"]](Path(request["model"]), tuple(request["tags"]))
    except UnsupportedStackError as error:
        tell({"event": "refused", "outcome": "unavailable", "error": str(error)})
        return
    except Exception as error:  # whatever a loader raises is its answer
        tell({"event": "refused", "outcome": "refused", "error": error_words(error, 4000)})
        return
    tell({"event": "loaded", "seconds": time.monotonic() - started, "signatures": signatures})
    if request["runs"]:
        from tfx_savedmodel.validation.loading.runs import run_all

        run_all(request, run, tell)


def _native(model: Path, tags: tuple[str, ...]) -> tuple[None, Run]:
    from tfx_savedmodel.saved_model.native import NativeSession

    session = NativeSession(model, tags)

    def run(signature: SignatureView, inputs: Inputs) -> dict[str, Array]:
        fed = {}
        for name, value in inputs.items():
            dtypes = _part_dtypes(signature.inputs[name])
            for (_, tensor), part, dtype in zip(
                _parts(name, signature.inputs[name]), _tuple(value), dtypes, strict=True
            ):
                fed[tensor] = (part, dtype or _tensorflow_name(part))
        fetched = [part for name, spec in sorted(signature.outputs.items()) for part in _parts(name, spec)]
        values = session.run(fed, [tensor for _, tensor in fetched])
        return {label: value for (label, _), value in zip(fetched, values, strict=True)}

    return None, run


def _tf1(model: Path, tags: tuple[str, ...]) -> tuple[dict[str, Any], Run]:
    from tfx_savedmodel.saved_model.session import ServingSession

    # As serving does: no soft placement, so that a device which is not there is seen.
    session = ServingSession(model, tags, soft_placement=False)

    def run(signature: SignatureView, inputs: Inputs) -> dict[str, Array]:
        fed: dict[str, Any] = {}
        for name, value in inputs.items():
            for (_, tensor), part in zip(_parts(name, signature.inputs[name]), _tuple(value), strict=True):
                fed[tensor] = part
        fetched = [part for name, spec in sorted(signature.outputs.items()) for part in _parts(name, spec)]
        values = session.run_tensors(fed, [tensor for _, tensor in fetched])
        return {label: value for (label, _), value in zip(fetched, values, strict=True)}

    return {key: view.to_json() for key, view in session.signatures.items()}, run


def _tf2(model: Path, tags: tuple[str, ...]) -> tuple[dict[str, Any], Run]:
    import tensorflow as tf

    from tfx_savedmodel.saved_model.meta_graph import RESERVED_SIGNATURES

    loaded = tf.saved_model.load(str(model), tags=list(tags))
    # Of a TF1 model TF2 also shows the loaders' own signatures.
    functions = {key: value for key, value in loaded.signatures.items() if key not in RESERVED_SIGNATURES}

    def run(signature: SignatureView, inputs: Inputs) -> dict[str, Array]:
        fed: dict[str, Any] = {}
        for name, value in inputs.items():
            fed.update(_named_parts(tf, name, signature.inputs[name], value))
        found: dict[str, Array] = {}
        for name, value in sorted(functions[signature.key](**fed).items()):
            parts = _flat(tf, value)
            found.update({name: parts[0]} if len(parts) == 1 else {f"{name}[{n}]": one for n, one in enumerate(parts)})
        return found

    return {key: _declared(function) for key, function in functions.items()}, run


def _parts(name: str, spec: TensorSpec) -> list[tuple[str, str]]:
    """Return the graph tensors of an input or output, each with what it is called in an answer."""
    if spec.kind == "dense":
        return [(name, spec.tensor)]
    if len(spec.parts) == 1:
        return [(name, spec.parts[0])]
    return [(f"{name}[{place}]", tensor) for place, tensor in enumerate(spec.parts)]


def _part_dtypes(spec: TensorSpec) -> tuple[str, ...]:
    """Return the dtype of each part, empty where the declaration does not say it."""
    if spec.kind == "dense":
        return ("",) if spec.dtype == "unknown" else (spec.dtype,)
    return (spec.dtype, "int64", "int64") if spec.kind == "sparse" else ("",) * len(spec.parts)


def _tensorflow_name(array: Array) -> str:
    return "string" if array.dtype == object else array.dtype.name


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _named_parts(tf: Any, name: str, spec: TensorSpec, value: Any) -> dict[str, Any]:
    """Return an input under the names that TF2 gives it. Source: tensorflow/python/saved_model/load_v1_in_v2.py."""
    if spec.kind == "dense":
        return {name: tf.constant(value)}
    if spec.kind == "sparse":
        names: tuple[str, ...] = (f"{name}_values", f"{name}_indices", f"{name}_dense_shape")
    else:
        names = tuple(f"{name}_component_{place}" for place in range(len(value)))
    return {part: tf.constant(array) for part, array in zip(names, value, strict=True)}


def _flat(tf: Any, value: Any) -> list[Array]:
    """Return a tensor as arrays, a sparse one in the order of TensorInfo: values, indices, shape."""
    if isinstance(value, tf.SparseTensor):
        return [value.values.numpy(), value.indices.numpy(), value.dense_shape.numpy()]
    import numpy as np

    return [np.asarray(part) for part in tf.nest.flatten(value, expand_composites=True)]


def _declared(function: Any) -> dict[str, Any]:
    """Return a loaded signature's inputs and outputs as SignatureView.to_json() gives them."""
    _, keywords = function.structured_input_signature
    outputs = function.structured_outputs
    return {
        "inputs": {name: _spec(value) for name, value in sorted(keywords.items())},
        "outputs": {name: _spec(value) for name, value in sorted(outputs.items())} if outputs else {},
    }


def _spec(value: Any) -> dict[str, Any]:
    if value is None:  # an output that has no tensor, such as an init op's
        return {"dtype": "unknown", "shape": None}
    shape = value.shape
    return {"dtype": value.dtype.name, "shape": shape.as_list() if shape.rank is not None else None}


_LOADERS: dict[str, Callable[[Path, tuple[str, ...]], tuple[Any, Run]]] = {
    "native": _native,
    "tf1": _tf1,
    "tf2": _tf2,
}
