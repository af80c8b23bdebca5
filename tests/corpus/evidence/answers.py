"""What the signatures of a model answer, in a TF1 session and in TF2, to inputs made up here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.corpus.evidence.graphs import LOADERS_OWN, nodes, parse
from tests.corpus.evidence.loads import said

Json = dict[str, Any]
Feeds = Mapping[str, Any]
Asked = Mapping[str, list[tuple[Feeds, str]]]

#: In this order: a number, a word, and whether examples carry the features that may be missing.
CANDIDATES = ((0, b"", False), (1, b"1", True), (0, b"0", True), (1, b"True", True), (0, b"Unknown", True))


def answers(directory: Path, tags: list[str]) -> Json:
    """Return, by signature, which made-up input the loaders answer, and whether they answer alike."""
    meta = next(each for each in parse(directory).meta_graphs if sorted(each.meta_info_def.tags) == sorted(tags))
    asked = {
        key: [*_inputs(meta, value), *_beside(directory, value)]
        for key, value in meta.signature_def.items()
        if key not in LOADERS_OWN
    }
    tf1, tf2 = _tf1(directory, tags, meta, asked), _tf2(directory, tags, asked)
    return {key: _judge(tried, tf1[key], tf2[key]) for key, tried in asked.items()}


def _judge(tried: list[tuple[Feeds, str]], tf1: list[Any], tf2: list[Any]) -> Json:
    """An answer is a mapping; a text says why there is none."""
    import numpy as np

    both = list(zip(tried, tf1, tf2, strict=True))
    if not both:
        return {"asked": "nothing: an input is no dense tensor", "tf1": "", "tf2": "", "alike": None}

    def by(place: int) -> tuple[int, int]:
        """The simplest input that is answered; of those that are refused the last, which had the most in it."""
        refusals = isinstance(both[place][1], str) + isinstance(both[place][2], str)
        return refusals, -place if refusals == 2 else place

    (_, what), first, second = both[min(range(len(both)), key=by)]
    shown = {name: value if isinstance(value, str) else "answers" for name, value in (("tf1", first), ("tf2", second))}
    if isinstance(first, str) or isinstance(second, str):
        return {"asked": what, **shown, "alike": None}
    alike = all(_alike(np.asarray(first[name]), np.asarray(second[name])) for name in first)
    return {"asked": what, **shown, "alike": alike}


def _alike(left: Any, right: Any) -> bool:
    import numpy as np

    if left.dtype.kind in "fc":
        return left.shape == right.shape and bool(np.allclose(left, right, rtol=1e-4, atol=1e-5, equal_nan=True))
    return left.shape == right.shape and bool((left == right).all())


def _tf1(directory: Path, tags: list[str], meta: Any, asked: Asked) -> dict[str, list[Any]]:
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default(), tf.compat.v1.Session(graph=graph) as session:
        try:
            tf.compat.v1.saved_model.load(session, tags, str(directory))
        except Exception as error:
            return {key: [f"does not load: {said(error)}"] * len(tried) for key, tried in asked.items()}

        def run(key: str, feeds: Feeds) -> Json:
            signature = meta.signature_def[key]
            fed = {}
            for name, value in feeds.items():
                fed.update(_fed(signature.inputs[name], value))
            return dict(session.run({name: info.name for name, info in signature.outputs.items()}, fed))

        return _try(run, asked)


def _tf2(directory: Path, tags: list[str], asked: Asked) -> dict[str, list[Any]]:
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(str(directory), tags=tags)
    except Exception as error:
        return {key: [f"does not load: {said(error)}"] * len(tried) for key, tried in asked.items()}

    def run(key: str, feeds: Feeds) -> Json:
        asked = {
            name: _sparse(value) if isinstance(value, tuple) else tf.constant(value) for name, value in feeds.items()
        }
        outputs = loaded.signatures[key](**asked)
        return {name: value.numpy() for name, value in outputs.items()}

    return _try(run, asked)


def _fed(info: Any, value: Any) -> dict[str, Any]:
    """Return what a session is fed for an input; a sparse one is a tuple of its three tensors."""
    if not isinstance(value, tuple):
        return {info.name: value}
    parts = info.coo_sparse
    names = (parts.indices_tensor_name, parts.values_tensor_name, parts.dense_shape_tensor_name)
    return dict(zip(names, value, strict=True))


def _sparse(value: tuple[Any, Any, Any]) -> Any:
    import tensorflow as tf

    return tf.SparseTensor(*value)


def _try(run: Callable[[str, Feeds], Json], asked: Asked) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for key, tried in asked.items():
        found[key] = []
        for feeds, _ in tried:
            try:
                found[key].append(run(key, feeds))
            except Exception as error:  # the signature's answer
                found[key].append(said(error))
    return found


def _beside(directory: Path, signature: Any) -> Iterator[tuple[Feeds, str]]:
    """Yield the request that its author put beside the model, and one of pictures."""
    import json

    import numpy as np
    import tensorflow as tf

    file = directory / "test.json"
    row = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    if set(row) >= set(signature.inputs):
        kinds = {name: tf.as_dtype(info.dtype).as_numpy_dtype for name, info in signature.inputs.items()}
        yield {name: np.array([row[name]], kinds[name]) for name in signature.inputs}, f"the author's {file.name}"
    if all(info.dtype == 7 and not info.tensor_shape.unknown_rank for info in signature.inputs.values()):
        for size in (28, 32, 36, 224):
            jpeg = tf.io.encode_jpeg(np.zeros((size, size, 3), np.uint8)).numpy()
            for picture, form in ((jpeg, "as it is"), (tf.io.encode_base64(jpeg).numpy(), "in base64")):
                feeds = {name: np.array([picture], object) for name in signature.inputs}
                yield feeds, f"a black JPEG of {size} by {size}, {form}"


def _inputs(meta: Any, signature: Any) -> Iterator[tuple[Feeds, str]]:
    """Yield inputs to try, and how they were made."""
    import numpy as np
    import tensorflow as tf

    for number, word, full in CANDIDATES:
        for words in [_example(meta, number, word, full), word] if _parses(meta) else [word]:
            feeds = {}
            for name, info in signature.inputs.items():
                if info.WhichOneof("encoding") not in ("name", "coo_sparse"):
                    return
                rank_unknown = info.tensor_shape.unknown_rank or not info.HasField("tensor_shape")
                shape = [1] if rank_unknown else [max(size.size, 1) for size in info.tensor_shape.dim]
                kind = tf.as_dtype(info.dtype).base_dtype if info.dtype else tf.string
                filler = words if kind == tf.string else number
                feeds[name] = np.full(shape, filler, object if kind == tf.string else kind.as_numpy_dtype)
                if info.WhichOneof("encoding") == "coo_sparse":
                    feeds[name] = (np.zeros((1, len(shape)), np.int64), feeds[name].ravel(), np.array(shape, np.int64))
            shown = "a serialized tf.Example" if words is not word else f"{word!r}"
            yield feeds, f"a batch of 1 of {number} and {shown}"


def _parses(meta: Any) -> bool:
    return any(node.op in ("ParseExample", "ParseExampleV2", "ParseSingleExample") for _, node in nodes(meta))


def _example(meta: Any, number: int, word: bytes, full: bool) -> bytes:
    """Return an example with every feature that any parsing op of the model reads."""
    import tensorflow as tf

    example = tf.train.Example()
    graphs: dict[str | None, dict[str, Any]] = {}
    for place, node in nodes(meta):
        graphs.setdefault(place, {})[node.name] = node
    for graph in graphs.values():
        for node in graph.values():
            if node.op in ("ParseExample", "ParseExampleV2"):
                for name, kind, size in _features(node, graph, full):
                    _fill(example.features.feature[name], kind, size, number, word)
    return bytes(example.SerializeToString())


def _features(node: Any, graph: Mapping[str, Any], full: bool) -> Iterator[tuple[str, int, int]]:
    from tensorflow.python.framework import tensor_util

    def strings(name: str) -> list[bytes]:
        return [
            bytes(value) for value in tensor_util.MakeNdarray(graph[name.split(":")[0]].attr["value"].tensor).ravel()
        ]

    if node.op == "ParseExampleV2":
        sparse, dense = strings(node.input[2]), strings(node.input[3])
    else:
        count = node.attr["Nsparse"].i
        sparse = [strings(name)[0] for name in node.input[2 : 2 + count]]
        dense = [strings(name)[0] for name in node.input[2 + count : 2 + count + node.attr["Ndense"].i]]
    shapes = node.attr["dense_shapes"].list.shape
    for name, kind, shape in zip(dense, node.attr["Tdense"].list.type, shapes, strict=True):
        size = 1
        for each in shape.dim:
            size *= max(each.size, 1)
        yield name.decode(), kind, size
    for name, kind in zip(sparse, node.attr["sparse_types"].list.type, strict=True) if full else ():
        yield name.decode(), kind, 1


def _fill(feature: Any, kind: int, size: int, number: int, word: bytes) -> None:
    if kind == 7:  # DT_STRING
        feature.bytes_list.value[:] = [word] * size
    elif kind == 1:  # DT_FLOAT
        feature.float_list.value[:] = [float(number)] * size
    else:
        feature.int64_list.value[:] = [number] * size
