"""Inputs made from a signature's declaration, and serialized examples from the graph's parsing spec."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.saved_model.parsing import ParsingSpec, parsing_spec
from tfx_savedmodel.saved_model.reachability import Reach
from tfx_savedmodel.saved_model.view import MetaGraphView, SignatureView, TensorSpec
from tfx_savedmodel.validation.check import Skip

if TYPE_CHECKING:
    import numpy as np

#: Sizes of the batches that a signature is run with.
BATCHES = (1, 3, 0)

#: Ops whose string input has a format that cannot be guessed.
_FORMATS = frozenset(
    "DecodeJpeg DecodePng DecodeGif DecodeBmp DecodeImage DecodeWebP DecodeAndCropJpeg ExtractJpegShape DecodeRaw "
    "DecodePaddedRaw DecodeCSV DecodeJSONExample DecodeCompressed DecodeProtoV2 DecodeWav DecodeBase64 ParseTensor "
    "StringToNumber ParseSequenceExample ParseSequenceExampleV2 ParseSingleSequenceExample DeserializeSparse "
    "DeserializeManySparse ReadFile".split()
)


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
        return np.zeros(shape, dtype=_numpy_dtype(spec.dtype))
    found = parsing_spec(meta_graph, signature, name)
    if found is None:
        _refuse_formats(meta_graph, signature, name)
        return _filled(shape, b"")
    return _filled(shape, _example(found))


def _filled(shape: tuple[int, ...], value: bytes) -> np.ndarray[Any, Any]:
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


def _numpy_dtype(name: str) -> Any:
    import tensorflow as tf

    return tf.as_dtype(name).as_numpy_dtype


def guesses_strings(meta_graph: MetaGraphView, signature: SignatureView) -> bool:
    """Tell whether the inputs hold strings, plain or in examples, whose meaning is made up."""
    for name, spec in signature.inputs.items():
        if spec.dtype != "string":
            continue
        found = parsing_spec(meta_graph, signature, name)
        if found is None or "string" in [*found.sparse.values(), *(dtype for dtype, _ in found.dense.values())]:
            return True
    return False


def _refuse_formats(meta_graph: MetaGraphView, signature: SignatureView, name: str) -> None:
    for op in sorted(_ops(meta_graph, signature)):
        if op in _FORMATS:
            raise Skip(f"the string input {name!r} may be for {op}, whose format cannot be guessed")


def _ops(meta_graph: MetaGraphView, signature: SignatureView) -> Iterator[str]:
    for _, node in Reach(meta_graph).by_signature(signature.key):
        yield node.op


def _example(spec: ParsingSpec) -> bytes:
    """Return a serialized tf.Example with every dense feature zero or empty."""
    import tensorflow as tf

    features: dict[str, Any] = {}
    for name, (dtype, shape) in spec.dense.items():
        count = 1
        for size in shape or ():
            count *= 1 if size is None else size
        features[name] = _feature(tf, dtype, count)
    for name, dtype in spec.sparse.items():
        features[name] = _feature(tf, dtype, 1)
    example: bytes = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    return example


def _feature(tf: Any, dtype: str, count: int) -> Any:
    if dtype == "string":
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[b""] * count))
    if dtype == "int64":
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[0] * count))
    return tf.train.Feature(float_list=tf.train.FloatList(value=[0.0] * count))
