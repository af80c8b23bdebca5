"""Decides once, before anything runs, how each signature of a model is fed from the examples."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from tfx_savedmodel.beam.reading.features import FLOATS, INTEGERS, Feature, kind_of
from tfx_savedmodel.beam.reading.formats import EXAMPLE, NAMES_INPUTS, PARSEABLE, SEQUENCE_EXAMPLE, TENSOR
from tfx_savedmodel.saved_model.parsing import parsed_features
from tfx_savedmodel.saved_model.reachability import Reach
from tfx_savedmodel.saved_model.view import GraphView, MetaGraphView, Shape, SignatureView, TensorSpec
from tfx_savedmodel.validation.checks.explanation_contract import MODEL, PREPROCESS

#: The kinds of the exporter's plan whose inputs are raw features.
_RAW_KINDS = frozenset({"serve_features", "preprocess"})
#: Input names that say "serialized tf.Example" where the graph's parsing cannot be seen.
_SERIALIZED_NAMES = frozenset({"examples", "inputs", "input_example_tensor"})
_PARSERS = ("ParseExample", "ParseSingleExample", "ParseSequenceExample", "ParseSingleSequenceExample")
_SEQUENCE_PARSERS = frozenset({"ParseSequenceExample", "ParseSequenceExampleV2", "ParseSingleSequenceExample"})
#: What may stand for a missing value, by dtype.
_FILLS = {"string": ("empty",), **dict.fromkeys(FLOATS, ("nan",))}


@dataclasses.dataclass(frozen=True)
class SerializedFeed:
    """The signature parses: its one input takes the serialized examples.

    `parses` are the features that it takes out of them, with their kinds; None where that cannot be told.
    """

    input: str
    parses: Mapping[str, str] | None = None


@dataclasses.dataclass(frozen=True)
class FeatureInput:
    """A tensor input that takes one raw feature.

    `shape` is one example's, with at most one open dimension; `missing` says what stands for a
    missing value: "nan", "empty", or None where nothing does.
    """

    feature: str
    kind: str
    dtype: str
    shape: tuple[int | None, ...]
    missing: str | None = None


@dataclasses.dataclass(frozen=True)
class FeatureFeed:
    """Each input takes a raw feature, parsed from the examples."""

    inputs: Mapping[str, FeatureInput]


@dataclasses.dataclass(frozen=True)
class DerivedFeed:
    """Each input takes what a step before gives under its name: a signature, or the Transform graph (None)."""

    signature: str | None
    inputs: Mapping[str, TensorSpec]


Feed = SerializedFeed | FeatureFeed | DerivedFeed


@dataclasses.dataclass(frozen=True)
class FeedPlan:
    """How each signature is fed, and for the others why they cannot be."""

    feeds: Mapping[str, Feed]
    refused: Mapping[str, str]


class _Refused(Exception):
    """A way of feeding does not fit; the text says which input lacks what."""


@dataclasses.dataclass(frozen=True)
class Available:
    """What there is to feed: raw features, what the Transform graph gives, the policy's renamings
    (input name -> feature name), and the format that the examples come in.

    A feature without a name ("") is for whatever takes one input.
    """

    features: Mapping[str, Feature]
    transformed: Mapping[str, Feature] = dataclasses.field(default_factory=dict)
    renamed: Mapping[str, str] = dataclasses.field(default_factory=dict)
    format: str = EXAMPLE


def plan_feeding(graph: GraphView, available: Available) -> FeedPlan:
    """Return how each signature of the model's MetaGraph is fed, the first way that fits.

    In this order: serialized examples; what the Transform graph gives under the inputs' names; raw
    features of these names; what the model's own `xai_preprocess` gives. A signature that the
    exporter recorded as taking raw features, and `xai_preprocess`, take these before what Transform
    gives; `xai_model` is fed through `xai_preprocess` before all. Where examples have the names of inputs, as requests
    have, these come first.
    """
    meta_graph = graph.meta_graph()
    planner = _Planner(graph, meta_graph, available) if meta_graph else None
    feeds: dict[str, Feed] = {}
    refused: dict[str, str] = {}
    if planner is None or meta_graph is None:
        return FeedPlan(feeds, refused)
    for key in sorted(meta_graph.signatures, key=lambda key: (key != PREPROCESS, key)):
        try:
            feeds[key] = planner.feed(meta_graph.signatures[key], PREPROCESS in feeds)
        except _Refused as reason:
            refused[key] = str(reason)
    return FeedPlan(feeds, refused)


class _Planner:
    def __init__(self, graph: GraphView, meta_graph: MetaGraphView, available: Available) -> None:
        self.contract = _mapping(_mapping(graph.contract).get("signatures"))
        self.meta_graph = meta_graph
        self.available = available
        self.reach = Reach(meta_graph)

    def feed(self, signature: SignatureView, has_preprocess: bool) -> Feed:
        _check_tensors(signature)
        if self.available.format in NAMES_INPUTS and self._is_named(signature):
            return self._from_features(signature)
        if self._parses(signature):
            return self._from_serialized(signature)
        ways: list[Callable[[SignatureView], Feed]] = [self._from_features]
        if self.available.transformed:
            # Where names are the same before and after Transform, a trained model means those after.
            ways.insert(1 if self._takes_raw(signature) else 0, self._from_transform)
        if has_preprocess and signature.key != PREPROCESS:
            ways.insert(0 if signature.key == MODEL else len(ways), self._from_preprocess)
        reasons = []
        for way in ways:
            try:
                return way(signature)
            except _Refused as reason:
                reasons.append(str(reason))
        raise _Refused("; ".join(reasons))

    def _is_named(self, signature: SignatureView) -> bool:
        """Tell whether the examples have something under the name of every input."""
        names = {self._feature_name(name) for name in signature.inputs}
        return names <= self.available.features.keys() or (len(names) == 1 and "" in self.available.features)

    def _from_serialized(self, signature: SignatureView) -> SerializedFeed:
        form = self.available.format
        takes_sequences = any(node.op in _SEQUENCE_PARSERS for _, node in self.reach.by_signature(signature.key))
        if takes_sequences != (form == SEQUENCE_EXAMPLE):
            takes = "tf.SequenceExamples" if takes_sequences else "tf.Examples"
            raise _Refused(f"it parses {takes}, the examples are of the format {form!r}")
        if form not in (*PARSEABLE, SEQUENCE_EXAMPLE):
            raise _Refused(f"it parses tf.Examples, of which examples of the format {form!r} cannot be made")
        dtypes = parsed_features(self.meta_graph, signature, self.reach)
        parses = None if dtypes is None else {name: kind_of(dtype) or "bytes" for name, dtype in dtypes.items()}
        for name in parses or ():
            fault = self.available.features.get(name, Feature()).fault
            if fault is not None:
                raise _Refused(f"it parses {name!r}: {fault}")
        return SerializedFeed(next(iter(signature.inputs)), parses)

    def _takes_raw(self, signature: SignatureView) -> bool:
        if signature.key == PREPROCESS or _mapping(self.contract.get(signature.key)).get("kind") in _RAW_KINDS:
            return True
        return any(self._missing(signature, name) for name in signature.inputs)

    def _missing(self, signature: SignatureView, name: str) -> str | None:
        """Return what the exporter recorded to stand for a missing value, None for nothing."""
        inputs = _mapping(_mapping(self.contract.get(signature.key)).get("inputs"))
        missing = _mapping(inputs.get(name)).get("missing")
        return missing if missing in _FILLS.get(signature.inputs[name].dtype, ()) else None

    def _parses(self, signature: SignatureView) -> bool:
        if len(signature.inputs) != 1:
            return False
        name, spec = next(iter(signature.inputs.items()))
        if spec.dtype != "string" or (spec.shape is not None and len(spec.shape) != 1):
            return False
        nodes = self.reach.by_signature(signature.key)
        if any(node.op.startswith(_PARSERS) for _, node in nodes):
            return True
        if self.available.format == TENSOR:
            return False
        by_name = name in _SERIALIZED_NAMES or name.startswith("serialized")
        return by_name and self._feature_name(name) not in self.available.features

    def _feature_name(self, name: str) -> str:
        return self.available.renamed.get(name, name)

    def _from_features(self, signature: SignatureView) -> Feed:
        nameless = len(signature.inputs) == 1 and "" in self.available.features
        inputs = {
            name: self._feature_input(name, spec, self._missing(signature, name), nameless=nameless)
            for name, spec in signature.inputs.items()
        }
        return FeatureFeed(inputs)

    def _feature_input(self, name: str, spec: TensorSpec, missing: str | None, *, nameless: bool) -> FeatureInput:
        wanted = self._feature_name(name)
        if nameless and wanted not in self.available.features:
            wanted = ""
        feature = self.available.features.get(wanted)
        if feature is None and missing is None:
            have = ", ".join(sorted(name or "one value without a name" for name in self.available.features)) or "none"
            raise _Refused(f"the examples have no feature {wanted!r} for its input {name!r} (they have: {have})")
        feature = feature or Feature()
        if feature.fault is not None:
            raise _Refused(f"its input {name!r} cannot be fed: {feature.fault}")
        kind = feature.kind or kind_of(spec.dtype)
        if kind is None or not _fits(kind, spec.dtype):
            raise _Refused(f"its input {name!r} is {spec.dtype}, the feature {wanted!r} holds {kind or 'no'} values")
        return FeatureInput(wanted, kind, spec.dtype, _example_shape(name, spec.shape, feature), missing)

    def _from_transform(self, signature: SignatureView) -> Feed:
        kinds = {name: feature.kind for name, feature in self.available.transformed.items()}
        return _derived(signature, kinds, None, "the Transform graph")

    def _from_preprocess(self, signature: SignatureView) -> Feed:
        outputs = self.meta_graph.signatures[PREPROCESS].outputs
        kinds = {name: kind_of(spec.dtype) for name, spec in outputs.items()}
        return _derived(signature, kinds, PREPROCESS, PREPROCESS)


def _mapping(value: Any) -> Mapping[str, Any]:
    """Return the value if it is a mapping: the contract is a file in a model that anyone may have written."""
    return value if isinstance(value, Mapping) else {}


def _check_tensors(signature: SignatureView) -> None:
    if not signature.inputs:
        raise _Refused("it has no inputs")
    for side, specs in (("input", signature.inputs), ("output", signature.outputs)):
        for name, spec in specs.items():
            if spec.kind != "dense":
                raise _Refused(f"its {side} {name!r} is a {spec.kind} tensor; dense ones can be run")
    for name, spec in signature.inputs.items():
        if spec.shape == ():
            raise _Refused(f"its input {name!r} has no batch dimension")


def _derived(signature: SignatureView, kinds: Mapping[str, str | None], key: str | None, giver: str) -> DerivedFeed:
    for name, spec in signature.inputs.items():
        if name not in kinds:
            raise _Refused(f"{giver} gives nothing for its input {name!r} (it gives: {', '.join(sorted(kinds))})")
        kind = kinds[name]
        if kind is None or not _fits(kind, spec.dtype):
            raise _Refused(f"its input {name!r} is {spec.dtype}, {giver} gives {kind or 'something else'}")
    return DerivedFeed(key, dict(signature.inputs))


def _fits(kind: str, dtype: str) -> bool:
    if kind == "bytes":
        return dtype == "string"
    return dtype in FLOATS or (kind == "int64" and dtype in INTEGERS)


def _example_shape(name: str, declared: Shape, feature: Feature) -> tuple[int | None, ...]:
    """Return one example's shape: the signature's, open dimensions closed by the specification's."""
    specified = feature.shape
    if declared is None:
        if specified is None:
            raise _Refused(f"its input {name!r} has no declared rank, and no schema gives one")
        return specified
    shape = tuple(declared[1:])
    if specified is not None and len(specified) == len(shape):
        shape = tuple(own if own is not None else given for own, given in zip(shape, specified, strict=True))
    if sum(size is None for size in shape) > 1 and not feature.shaped:
        raise _Refused(f"its input {name!r} has several open dimensions, and no schema gives them")
    return shape
