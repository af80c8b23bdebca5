"""The inputs that a signature is tried with, one after the other: the first that it answers will do.

All loaders are asked the same in the same order. Varied values come first, because zeros hide what differs.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.saved_model.dtypes import numpy_dtype
from tfx_savedmodel.saved_model.parsing import ParsingSpec, parsing_spec
from tfx_savedmodel.saved_model.reachability import Reach
from tfx_savedmodel.saved_model.tensors import find_tensor
from tfx_savedmodel.saved_model.view import MetaGraphView, Shape, SignatureView, TensorSpec
from tfx_savedmodel.validation.check import Skip
from tfx_savedmodel.validation.loading.formats import example, formatted_strings, ops_of, refuse_files
from tfx_savedmodel.validation.loading.synthetic import filled
from tfx_savedmodel.validation.loading.vocabularies import Words, vocabularies

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

#: Strings that vocabularies and tokenizers do something with.
_WORDS = (b"a", b"the cat sat", b"", b"0.5", b"1 2 3")
#: What an open dimension but the first is tried with: most fit the first, pictures want more.
_SIZES = (1, 8, 64)
_RANKS = (1, 0, 2, 3, 4)
#: Elements of inputs whose sizes are guessed, and of those that are declared: to make more costs more than it shows.
_MOST_ELEMENTS, _MOST_DECLARED = 1 << 20, 1 << 25
_NEVER = frozenset({"resource", "variant"})


#: Inputs by name; a sparse one is its values, indices and shape.
Inputs = dict[str, "Array | tuple[Array, ...]"]


@dataclasses.dataclass(frozen=True)
class Candidate:
    """Inputs, and in a few words what they are."""

    label: str
    inputs: Inputs

    def digest(self) -> str:
        """Return a digest of what a loader is given: names, dtypes, shapes and every byte."""
        import numpy as np

        found = hashlib.sha256()
        for name, value in sorted(self.inputs.items()):
            for part in value if isinstance(value, tuple) else (value,):
                array = np.asarray(part)
                found.update(repr((name, array.dtype.name, array.shape)).encode())
                if array.dtype == object:
                    texts = [bytes(text) for text in array.reshape(-1).tolist()]
                    found.update(repr([len(text) for text in texts]).encode())
                    found.update(b"".join(texts))
                else:
                    # Bytes are seen, not copied, of any dtype: not all of TensorFlow's are known to the digest.
                    found.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        return found.hexdigest()


@dataclasses.dataclass(frozen=True)
class _Filling:
    """How values are made: `numbers(name, shape)` are float64, `strings(name, count)` bytes."""

    label: str
    numbers: Callable[[str, tuple[int, ...]], Array]
    strings: Callable[[str, int], list[bytes]]


class Candidates:
    """The inputs to try one signature with.

    Args:
      reach: of the signature's graph; it takes longest, so all signatures share it.
      signature: one of that graph's.
      assets: the model's folder of them, for its vocabularies.
    """

    def __init__(self, reach: Reach, signature: SignatureView, assets: Path) -> None:
        self._reach, self._signature, self._assets = reach, signature, assets
        self._declared = {
            name: declared_input(reach.meta_graph, spec) for name, spec in sorted(signature.inputs.items())
        }

    def of(self, batch: int) -> Iterator[Candidate]:
        """Yield the inputs for a batch of a size: the first dimension is `batch` where it is open.

        Raises:
          Skip: no sensible input can be made, or the batch dimension is fixed to another size.
        """
        declared = self._declared
        _refuse(declared, batch)
        _refuse_outputs(self._signature)
        if any(spec.dtype == "string" for spec in declared.values()):
            refuse_files(self.ops)
        for turn, (rank, size) in enumerate(_shapes(declared, batch)):
            shapes = {name: _shape(spec.shape, batch, rank, size) for name, spec in declared.items()}
            elements = sum(_elements(shape) for shape in shapes.values())
            if turn == 0 and elements > _MOST_DECLARED:
                raise Skip(f"its inputs have {elements} elements")
            if turn and elements > _MOST_ELEMENTS:
                continue
            note = "" if turn == 0 else f", {rank} dimensions of {size}" if rank is not None else f", sizes of {size}"
            for filling in self._fillings if turn == 0 else self._fillings[:2]:
                inputs: Inputs = {
                    name: _value(spec, name, shapes[name], self._parsed.get(name), filling)
                    for name, spec in declared.items()
                }
                yield Candidate(f"{filling.label}{note}", inputs)
                if not declared:
                    return

    @functools.cached_property
    def ops(self) -> frozenset[str]:
        """The ops that the signature runs."""
        return ops_of(self._reach, self._signature)

    @functools.cached_property
    def guess(self) -> str:
        """What of the inputs is a guess that a graph may refuse, or nothing."""
        for name, spec in self._declared.items():
            if spec.shape is None:
                return "made-up numbers of dimensions"
            if any(size is None for size in spec.shape[1:]):
                return "made-up sizes"
            if spec.kind == "sparse":
                return "made-up sparse tensors"
            parsed = self._parsed.get(name)
            if spec.dtype == "string" and (parsed is None or "string" in _dtypes(parsed)):
                return "made-up strings"
        return ""

    @functools.cached_property
    def _parsed(self) -> dict[str, ParsingSpec | None]:
        return {
            name: parsing_spec(self._reach.meta_graph, self._signature, name, self._reach)
            for name, spec in self._declared.items()
            if spec.dtype == "string" and spec.kind == "dense"
        }

    @functools.cached_property
    def _fillings(self) -> list[_Filling]:
        strings = any(spec.dtype == "string" for spec in self._declared.values())
        words = vocabularies(self._reach, self._signature, self._assets) if strings else {}
        return list(_fillings(formatted_strings(self._reach, self._signature) if strings else (), words))


def declared_input(meta_graph: MetaGraphView, spec: TensorSpec) -> TensorSpec:
    """Return an input as declared; what a signature leaves open, as before TF 1.0, as the graph has it."""
    if spec.kind != "dense" or (spec.dtype != "unknown" and spec.shape is not None):
        return spec
    found = find_tensor(meta_graph, spec.tensor)
    if found is None:
        return spec
    dtype = (found.dtype or spec.dtype) if spec.dtype == "unknown" else spec.dtype
    # A placeholder of old says "[]" and means "any".
    return dataclasses.replace(spec, dtype=dtype, shape=spec.shape if spec.shape is not None else found.shape or None)


def _refuse(declared: dict[str, TensorSpec], batch: int) -> None:
    if not declared and batch != 1:
        raise Skip("the signature has no inputs, hence no batch")
    for name, spec in declared.items():
        if spec.kind == "composite":
            raise Skip(f"the input {name!r} is composite")
        if spec.dtype in _NEVER or not _has_numpy(spec.dtype):
            raise Skip(f"the input {name!r} is a {spec.dtype}")
        if batch != 1 and spec.shape is not None and (not spec.shape or spec.shape[0] is not None):
            raise Skip(f"the input {name!r} has no open batch dimension")


def _refuse_outputs(signature: SignatureView) -> None:
    for name, spec in sorted(signature.outputs.items()):
        if spec.dtype in _NEVER:
            raise Skip(f"the output {name!r} is a {spec.dtype}, which no client can be given")


def _dtypes(parsed: ParsingSpec) -> list[str]:
    return [*parsed.sparse.values(), *(dtype for dtype, _ in parsed.dense.values())]


def _has_numpy(dtype: str) -> bool:
    try:
        numpy_dtype(dtype)
    except ValueError:
        return False
    return True


def _shapes(declared: dict[str, TensorSpec], batch: int) -> Iterator[tuple[int | None, int]]:
    """Yield numbers of dimensions, where one is not declared, and sizes of open dimensions, to be tried in turn."""
    shapes = [spec.shape for spec in declared.values()]
    ranks: tuple[int | None, ...] = _RANKS if any(shape is None for shape in shapes) else (None,)
    ranks = ranks if batch == 1 else tuple(rank for rank in ranks if rank != 0)  # a scalar is no batch
    open_sizes = any(size is None for shape in shapes if shape for size in shape[1:])
    yield from ((rank, size) for size in (_SIZES if open_sizes else _SIZES[:1]) for rank in ranks)


def _shape(shape: Shape, batch: int, rank: int | None, size: int) -> tuple[int, ...]:
    if shape is None:
        return (batch, *(size for _ in range((rank or 0) - 1))) if rank else ()
    return tuple(each if each is not None else (batch if place == 0 else size) for place, each in enumerate(shape))


def _elements(shape: Sequence[int]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def _fillings(formatted: Iterable[tuple[str, bytes]], words: Words) -> Iterator[_Filling]:
    """The first two are the usual ones; of formats there is one for each op that decodes."""

    def known(name: str, count: int) -> list[bytes]:
        return list(itertools.islice(itertools.cycle(words.get(name, _WORDS)), count))

    yield _Filling("varied values", _varied, known)
    yield _Filling("neutral values", _constant(0.0), lambda name, count: [b""] * count)
    for op, text in formatted:
        yield _Filling(f"strings for {op}", _constant(0.0), lambda name, count, text=text: [text] * count)  # type: ignore[misc]
    yield _Filling("ones", _constant(1.0), lambda name, count: [b"1"] * count)


def _constant(value: float) -> Callable[[str, tuple[int, ...]], Array]:
    import numpy as np

    return lambda name, shape: np.full(shape, value)


def _varied(name: str, shape: tuple[int, ...]) -> Array:
    """Return numbers of [0, 2): as integers they are 0 and 1, an index into nearly everything."""
    import numpy as np

    return np.random.default_rng(zlib.crc32(name.encode())).uniform(0, 2, shape)


def _value(
    spec: TensorSpec, name: str, shape: tuple[int, ...], parsed: ParsingSpec | None, filling: _Filling
) -> Array | tuple[Array, ...]:
    if spec.kind == "sparse":
        return _sparse(spec, name, shape, filling)
    return _dense(spec.dtype, name, shape, parsed, filling)


def _dense(dtype: str, name: str, shape: tuple[int, ...], parsed: ParsingSpec | None, filling: _Filling) -> Array:
    import numpy as np

    if dtype != "string":
        return _cast(filling.numbers(name, shape), dtype)
    made = np.empty(shape, dtype=object)
    if parsed is not None:
        return filled(shape, example(parsed, lambda *feature: _feature(filling, *feature)))
    flat = made.reshape(-1)
    flat[:] = filling.strings(name, flat.size)
    return made


def _sparse(spec: TensorSpec, name: str, shape: tuple[int, ...], filling: _Filling) -> tuple[Array, ...]:
    """Return values, indices and shape with one value in each row."""
    import numpy as np

    shape = shape or (1,)
    rows = shape[0]
    indices = np.zeros((rows, len(shape)), dtype=np.int64)
    indices[:, 0] = np.arange(rows)
    values = _dense(spec.dtype, name, (rows,), None, filling)
    return values, indices, np.array(shape, dtype=np.int64)


def _feature(filling: _Filling, name: str, dtype: str, count: int) -> Sequence[Any]:
    if dtype == "string":
        return filling.strings(name, count)
    numbers = filling.numbers(name, (count,))
    return [int(value) for value in numbers] if dtype == "int64" else [float(value) for value in numbers]


def _cast(numbers: Array, dtype: str) -> Array:
    import numpy as np

    wanted = numpy_dtype(dtype)
    if dtype == "bool":
        return np.asarray(numbers >= 1.0)
    if wanted.names:  # quantized: one field
        return numbers.astype(wanted[0]).view(wanted)
    return numbers.astype(wanted)
