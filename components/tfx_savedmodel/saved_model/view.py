"""A SavedModel as plain data, read once; what the graph checks judge.

Nothing here imports TensorFlow. Dtypes are TensorFlow's short names ("float32", "string"); a
shape is a tuple with None for an open dimension, or None itself where the rank is unknown.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx_savedmodel.saved_model.keras_files import KerasFile

Shape = tuple[int | None, ...] | None

#: The `format` of a view of a Keras file, which has no graph.
KERAS = "keras"

#: How a signature's tensor is encoded; the first is the usual one, which JSON leaves out.
KINDS = ("dense", "sparse", "composite")


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """One input or output of a signature: the graph tensor's name, dtype and shape.

    A sparse or composite tensor has `kind` "sparse" or "composite" and no single `tensor`; `parts` are
    the graph tensors that it is made of.
    """

    tensor: str
    dtype: str
    shape: Shape
    kind: str = "dense"
    parts: tuple[str, ...] = dataclasses.field(default=(), compare=False)

    def to_json(self) -> dict[str, Any]:
        """Return dtype and shape, and the kind of a tensor that is not dense."""
        shape = None if self.shape is None else list(self.shape)
        spec: dict[str, Any] = {"dtype": self.dtype, "shape": shape}
        return spec if self.kind == KINDS[0] else {**spec, "kind": self.kind}

    def __str__(self) -> str:
        if self.shape is None:
            return f"{self.dtype} <unknown rank>"
        return f"{self.dtype} [{', '.join('?' if size is None else str(size) for size in self.shape)}]"


@dataclasses.dataclass(frozen=True)
class SignatureView:
    """A SignatureDef: its key, method name, inputs and outputs by their exported names."""

    key: str
    method_name: str
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]

    def to_json(self) -> dict[str, Any]:
        return {
            "method_name": self.method_name,
            "inputs": {name: spec.to_json() for name, spec in sorted(self.inputs.items())},
            "outputs": {name: spec.to_json() for name, spec in sorted(self.outputs.items())},
        }


@dataclasses.dataclass(frozen=True)
class NodeView:
    """A node of a graph or function: `inputs` as written in the NodeDef (`a`, `a:1`, `^a`).

    `functions` are the names of library functions that it calls or holds; `attr` reads one
    attribute as a plain value, `raw` gives all of them as AttrValue protos, not to be changed.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    device: str
    functions: tuple[str, ...]
    read_attr: Callable[[str], Any] = dataclasses.field(repr=False, compare=False)
    raw: Callable[[], Mapping[str, Any]] = dataclasses.field(default=dict, repr=False, compare=False)

    def attr(self, name: str, default: Any = None) -> Any:
        """Return an attribute as str, int, float, bool, list, dtype name or shape; else `default`."""
        value = self.read_attr(name)
        return default if value is None else value


@dataclasses.dataclass(frozen=True)
class FunctionView:
    """A function of the library: argument names in order, nodes by name, returned tensors."""

    name: str
    arguments: tuple[str, ...]
    nodes: Mapping[str, NodeView]
    returns: Mapping[str, str]
    control_returns: tuple[str, ...]
    implements: str = ""
    """What the function is one implementation of: Grappler puts another one of the same name in its place."""


@dataclasses.dataclass(frozen=True)
class OpView:
    """The definition of an op as the model itself carries it (its stripped op list).

    `outputs` gives for each output argument (name, fixed dtype or "", type attribute,
    number attribute, type-list attribute); `defaults` those of attributes, as serialized AttrValues.
    """

    name: str
    outputs: tuple[tuple[str, str, str, str, str], ...]
    is_stateful: bool
    defaults: Mapping[str, bytes] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class SaverView:
    """The names of the saver's tensors and ops: boilerplate that may read and write files."""

    filename_tensor: str
    save_tensor: str
    restore_op: str


@dataclasses.dataclass(frozen=True)
class MetaGraphView:
    """One MetaGraph: tags, signatures, graph, function library, init op, assets and saver."""

    tags: tuple[str, ...]
    signatures: Mapping[str, SignatureView]
    nodes: Mapping[str, NodeView]
    functions: Mapping[str, FunctionView]
    ops: Mapping[str, OpView]
    init_ops: tuple[str, ...]
    assets: Mapping[str, str]
    """Graph tensor name -> file name under assets/."""
    saver: SaverView | None
    tensorflow_version: str
    is_tf2: bool
    """Whether the MetaGraph carries an object graph, as TF2's save writes."""
    graph_bytes: int
    captured_assets: Mapping[str, Mapping[int, str]]
    """For each function that Python can call on the loaded object: argument index -> asset file."""
    captured_variables: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    """For each function that Python can call on the loaded object: the names of the variables it captured."""
    function_kinds: Mapping[str, frozenset[str]] = dataclasses.field(default_factory=dict)
    """For each function of the object graph: the kinds of value in what it declares of its arguments."""
    producer: int = 0
    """The GraphDef version of the TensorFlow that wrote the graph."""
    default_init_ops: tuple[str, ...] = ()
    """What TF2's loader runs of a TF1 MetaGraph that names no init op: it fills tables and local variables."""
    gradients: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    """For each function those that SymbolicGradient runs in its place; under "" those that Python's tape may run."""
    asset_files: tuple[tuple[str, str], ...] = ()
    """Graph tensor name and file name of every asset: where several name one tensor, `assets` has the last."""
    repeated: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """How often nodes and functions are there whose names are not their own alone: "node 'a'", "function 'f'"."""
    taken_names: tuple[str, ...] = ()
    """Names that loaders keep for themselves and that signatures for clients have all the same."""
    object_metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """What Keras before 2.5 wrote of its objects into the object graph, as JSON, by "object NUMBER"."""

    memo: dict[str, Any] = dataclasses.field(default_factory=dict, init=False, repr=False, compare=False)
    """What was worked out of the MetaGraph and is asked for more than once; a changed copy has one of its own."""

    @property
    def variable_ops(self) -> tuple[NodeView, ...]:
        """The nodes that hold variables, resource or ref."""
        return tuple(node for node in self.nodes.values() if node.op in VARIABLE_OPS)


VARIABLE_OPS = frozenset({"VarHandleOp", "Variable", "VariableV2"})


@dataclasses.dataclass(frozen=True)
class VariableEntry:
    """One tensor in the variables index: key, dtype, shape, where its bytes lie, and their masked CRC-32C.

    A `sliced` one has no bytes of its own: its parts are entries with keys of their own.
    """

    key: str
    dtype: str
    shape: Shape
    shard: int
    offset: int
    size: int
    checksum: int = 0
    sliced: bool = False


@dataclasses.dataclass(frozen=True)
class VariablesView:
    """The variables folder: entries of the index, shard count it names, sizes of files found.

    `problem` says why the index could not be read, else None. `files` maps name to bytes.
    """

    entries: tuple[VariableEntry, ...] = ()
    shards: int = 0
    files: Mapping[str, int] = dataclasses.field(default_factory=dict)
    problem: str | None = None


@dataclasses.dataclass(frozen=True)
class GraphView:
    """A SavedModel directory as plain data; or a Keras file, of which only `path`, `files`, `keras` and `fault` tell.

    `fault` is None, or says why `saved_model.pb` could not be read (then `meta_graphs` is empty):
    a model's fault is data for the checks, never an exception. `files` maps each file's path
    relative to the directory to its size in bytes; `links` maps symbolic links to their targets.
    `contract` is what our exporter wrote about the plan, `explanation` the parsed
    `explanation_metadata.json`; each None where absent.
    """

    path: Path
    fault: str | None
    format: str
    meta_graphs: tuple[MetaGraphView, ...]
    files: Mapping[str, int]
    links: Mapping[str, str]
    read_variables: Callable[[], VariablesView] = dataclasses.field(repr=False, compare=False)
    fingerprint: str | None = None
    has_keras_metadata: bool = False
    contract: Mapping[str, Any] | None = None
    explanation: Mapping[str, Any] | None = None
    explanation_fault: str | None = None
    tags: tuple[str, ...] = ("serve",)
    """The tags of the MetaGraph that the caller means."""
    keras: KerasFile | None = None
    """What a Keras file says of itself, where the model is one that can be read (`format` is then "keras")."""

    @functools.cached_property
    def variables(self) -> VariablesView:
        """The variables index, read when first asked for."""
        return self.read_variables()

    def meta_graph(self) -> MetaGraphView | None:
        """Return the MetaGraph with exactly `tags`, else the first, else None."""
        for meta_graph in self.meta_graphs:
            if set(meta_graph.tags) == set(self.tags):
                return meta_graph
        return self.meta_graphs[0] if self.meta_graphs else None
