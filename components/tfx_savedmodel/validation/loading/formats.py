"""Strings with a format: serialized examples, and what the decoding ops that a signature runs may take."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.parsing import ParsingSpec
from tfx_savedmodel.saved_model.reachability import Reach, reach_of
from tfx_savedmodel.saved_model.view import MetaGraphView, NodeView, SignatureView
from tfx_savedmodel.validation.check import Skip

#: Ops that take a picture; this TensorFlow's DecodeJpeg and DecodeGif take other formats too.
_PICTURES = frozenset("DecodeJpeg DecodePng DecodeGif DecodeImage DecodeBmp DecodeWebP".split())
#: Ops whose string input has a format that empty strings and words are not in.
_FORMATS = frozenset(
    "DecodeJpeg DecodePng DecodeGif DecodeBmp DecodeImage DecodeWebP DecodeAndCropJpeg ExtractJpegShape DecodeRaw "
    "DecodePaddedRaw DecodeCSV DecodeJSONExample DecodeCompressed DecodeProtoV2 DecodeWav DecodeBase64 ParseTensor "
    "StringToNumber ParseSequenceExample ParseSequenceExampleV2 ParseSingleSequenceExample DeserializeSparse "
    "DeserializeManySparse ReadFile".split()
)
#: Ops that would take a made-up string for the name of a file.
_FILES = frozenset("ReadFile WriteFile MatchingFiles WholeFileReaderV2 TFRecordDataset TextLineDataset SaveV2".split())

Values = Callable[[str, str, int], Sequence[Any]]


def example(spec: ParsingSpec, values: Values) -> bytes:
    """Return a serialized tf.Example; `values(feature, dtype, count)` gives so many bytes, ints or floats.

    A feature of open size and a sparse one have one value.
    """
    made = protos.example_pb2().Example()
    counts = {name: (dtype, _count(shape)) for name, (dtype, shape) in spec.dense.items()}
    for name, (dtype, count) in {**counts, **{name: (dtype, 1) for name, dtype in spec.sparse.items()}}.items():
        feature = made.features.feature[name]
        kind = {"string": feature.bytes_list, "int64": feature.int64_list}.get(dtype, feature.float_list)
        kind.value.extend(values(name, dtype, count))
    serialized: bytes = made.SerializeToString()
    return serialized


def refuse_formats(meta_graph: MetaGraphView, signature: SignatureView, name: str) -> None:
    """Raise Skip where a signature runs an op whose strings have a format: empty ones would be refused."""
    for op in sorted(ops_of(reach_of(meta_graph), signature) & _FORMATS):
        raise Skip(f"the string input {name!r} may be for {op}, whose format cannot be guessed")


def refuse_files(ops: frozenset[str]) -> None:
    """Raise Skip where a made-up string might name a file."""
    for op in sorted(ops & _FILES):
        raise Skip(f"a made-up string might name a file for {op}")


def ops_of(reach: Reach, signature: SignatureView) -> frozenset[str]:
    """Return the ops that a signature runs."""
    return frozenset(node.op for _, node in reach.by_signature(signature.key))


def formatted_strings(reach: Reach, signature: SignatureView) -> Iterator[tuple[str, bytes]]:
    """Yield strings that the decoding ops of a signature may take, each with the op's name."""
    nodes = {node.op: node for _, node in reach.by_signature(signature.key)}
    picture = next((op for op in sorted(nodes) if op in _PICTURES), None)
    inner = _png() if picture else b"a"
    if "DecodeBase64" in nodes:
        yield "DecodeBase64", base64.urlsafe_b64encode(inner).rstrip(b"=")
    elif picture:
        yield picture, inner
    for op in sorted(set(nodes) & set(_MAKERS)):
        yield op, _MAKERS[op](nodes[op])


def _count(shape: Any) -> int:
    count = 1
    for size in shape or ():
        count *= 1 if size is None else size
    return count


def _png(size: int = 8) -> bytes:
    """Return a black square picture in red, green and blue. Source: the PNG specification, RFC 2083."""
    rows = b"".join(b"\0" + b"\0\0\0" * size for _ in range(size))
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _csv(node: NodeView) -> bytes:
    delimiter = str(node.attr("field_delim", ","))
    return delimiter.join("a" if dtype == "string" else "0" for dtype in node.attr("OUT_TYPE", [])).encode()


def _tensor(node: NodeView) -> bytes:
    made = protos.tensor_pb2().TensorProto(dtype=protos.dtype_number(node.attr("out_type", "float32")))
    made.tensor_shape.SetInParent()
    serialized: bytes = made.SerializeToString()
    return serialized


_MAKERS: dict[str, Callable[[NodeView], bytes]] = {
    "DecodeCSV": _csv,
    "DecodeJSONExample": lambda node: b'{"features": {"feature": {}}}',
    "DecodeRaw": lambda node: b"\0" * 8,
    "DecodePaddedRaw": lambda node: b"\0" * 8,
    "ParseTensor": _tensor,
    "StringToNumber": lambda node: b"0",
}
