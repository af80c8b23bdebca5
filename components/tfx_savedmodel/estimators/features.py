"""From serialized tf.Examples to a Keras model's inputs: parse, transform, fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfx_savedmodel.errors import SchemaError, TfxSavedModelError, TransformGraphError, UnsupportedModelError
from tfx_savedmodel.estimators.feature_spec import parsing_spec_of
from tfx_savedmodel.estimators.keras_model import ModelInput
from tfx_savedmodel.signatures.fitting import castable, fitted, one_each, same_sizes, takes_one_value
from tfx_savedmodel.sources.schema import feature_spec, read_schema
from tfx_savedmodel.sources.transform import TransformGraph

Complaint = Callable[[ModelInput, str], TfxSavedModelError]


class FeaturePath:
    """The way of an example to a model's inputs; works eagerly and in graphs alike.

    The parsing spec is the Transform graph's raw one, less the features that the model's inputs do
    not depend on (labels); without a Transform graph it is the schema's, less the features that are
    no inputs; without either, it follows from the model's inputs.

    Args:
      inputs: the model's inputs.
      transform_graph: directory of a Transform graph, or None.
      schema: path of a schema, or None. Beside a Transform graph it is used where that keeps no raw metadata.
      given: the author's own parsing spec, as `read_feature_spec` gives it, in the place of the others.

    Raises:
      TransformGraphError: the Transform graph gives no feature for an input, or another dtype or shape.
      SchemaError: the schema has no feature for an input, or one of another dtype or shape.
      UnsupportedModelError: an input has no form in a tf.Example.
    """

    def __init__(
        self,
        inputs: Sequence[ModelInput],
        transform_graph: str | None,
        schema: str | None,
        given: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.inputs = tuple(inputs)
        own = None if given is None else parsing_spec_of(given)
        self.transform_graph = transform_graph
        self._eager_layer: Any = None
        if transform_graph:
            graph = TransformGraph(transform_graph)
            graph.needed_for([each.name for each in self.inputs])
            self._eager_layer = graph.layer()
            self.spec = self._needed(_raw_spec(graph, schema) if own is None else own)
            return
        if own is not None:
            self.spec = _only_inputs(own, self.inputs, "the feature spec")
        elif schema:
            self.spec = _only_inputs(feature_spec(read_schema(schema)), self.inputs, schema)
        else:
            self.spec = {each.name: _spec_of(each) for each in self.inputs}
        _trace(self)

    def __call__(self, serialized: Any) -> dict[str, Any]:
        """Return the model's inputs by name, tensors [batch, …], for a string tensor of examples [batch]."""
        import tensorflow as tf

        parsed = tf.io.parse_example(serialized, self.spec)
        if self.transform_graph is None:
            return self._fit(parsed, _schema_complaint)
        if tf.executing_eagerly():
            return self._fit(self._eager_layer(parsed), _transform_complaint)
        transform = TransformGraph(self.transform_graph).in_graph()
        return self._fit(transform(parsed), _transform_complaint)

    def _fit(self, features: Mapping[str, Any], complaint: Complaint) -> dict[str, Any]:
        """Pick the model's inputs from features, labels and all."""
        return {each.name: fit_feature(features[each.name], each, complaint) for each in self.inputs}

    def _needed(self, spec: dict[str, Any]) -> dict[str, Any]:
        """Return the part of `spec` that the model's inputs depend on."""
        import tensorflow as tf

        wanted = {each.name for each in self.inputs}
        layer = self._eager_layer
        needed = {}

        def judge(serialized: Any) -> dict[str, Any]:
            # The layer leaves out each output that depends on a feature that it is not given.
            parsed = tf.io.parse_example(serialized, spec)
            for name in spec:
                rest = {other: value for other, value in parsed.items() if other != name}
                if not rest or not wanted <= set(layer(rest)):
                    needed[name] = spec[name]
            return self._fit(layer(parsed), _transform_complaint)

        _trace(judge)
        return needed


def _trace(function: Callable[[Any], dict[str, Any]]) -> None:
    """Build a function of serialized examples without running it, for the mistakes that this brings to light."""
    import tensorflow as tf

    tf.function(function, autograph=False).get_concrete_function(tf.TensorSpec([None], tf.string))


def _raw_spec(graph: TransformGraph, schema: str | None) -> dict[str, Any]:
    try:
        return graph.raw_feature_spec()
    except TransformGraphError:
        if schema is None:
            raise
        return feature_spec(read_schema(schema))


def _only_inputs(spec: Mapping[str, Any], inputs: Sequence[ModelInput], where: str) -> dict[str, Any]:
    missing = sorted({each.name for each in inputs} - set(spec))
    if missing:
        raise SchemaError(
            "no feature for an input of the model",
            where=f"{where}: feature {missing[0]!r}",
            found=f"features {', '.join(sorted(spec))}",
            wanted=f"a feature for each input: {', '.join(each.name for each in inputs)}",
            next_step="give the Transform graph that makes the inputs, or the schema of what the model was trained on",
        )
    return {each.name: spec[each.name] for each in inputs}


def _spec_of(wanted: ModelInput) -> Any:
    import tensorflow as tf

    if None in wanted.shape:
        raise UnsupportedModelError(
            "an input of open size cannot be parsed from examples",
            where=f"input {wanted.name!r}",
            found=str(wanted),
            wanted="sizes that are known, but for the batch",
            next_step='convert with receiver="raw" and without examples',
        )
    if wanted.dtype == tf.string:
        return tf.io.FixedLenFeature(wanted.shape, tf.string)
    if wanted.dtype.is_integer or wanted.dtype.is_bool:
        return tf.io.FixedLenFeature(wanted.shape, tf.int64)
    if wanted.dtype.is_floating:
        return tf.io.FixedLenFeature(wanted.shape, tf.float32)
    raise UnsupportedModelError(
        "an input's dtype has no form in a tf.Example", where=f"input {wanted.name!r}", found=wanted.dtype.name
    )


def fit_feature(tensor: Any, wanted: ModelInput, complaint: Complaint) -> Any:
    """Give a feature an input's dtype and shape, as Keras itself would: numbers are cast, sizes of 1 come and go."""
    import tensorflow as tf

    if isinstance(tensor, tf.SparseTensor) and complaint is _schema_complaint:
        tensor = _densify(tensor, wanted)
    if not isinstance(tensor, tf.Tensor):
        raise complaint(wanted, f"a {type(tensor).__name__}")
    found = ModelInput(wanted.name, tensor.dtype, _sizes(tensor))
    if not castable(tensor.dtype.name, wanted.dtype.name):
        raise complaint(wanted, str(found))
    if tensor.shape.rank is not None and not same_sizes(found.shape, wanted.shape):
        raise complaint(wanted, str(found))
    value = fitted(tensor, wanted.dtype.name, wanted.shape)
    return value if wanted.batch is None else tf.ensure_shape(value, [wanted.batch, *wanted.shape])


def _sizes(tensor: Any) -> tuple[int | None, ...]:
    return () if tensor.shape.rank is None else tuple(tensor.shape[1:])


def _densify(tensor: Any, wanted: ModelInput) -> Any:
    """Make one value an example of a feature that may be missing: NaN or an empty string stand for that."""
    import tensorflow as tf

    if not takes_one_value(wanted.shape):
        raise _schema_complaint(wanted, f"{tensor.dtype.name} values of any number")
    if tensor.dtype not in (tf.float32, tf.string):
        raise _schema_complaint(wanted, f"{tensor.dtype.name}, which may be missing and has no value that says so")
    return one_each(tensor)


def _schema_complaint(wanted: ModelInput, found: str) -> TfxSavedModelError:
    return SchemaError(
        "a feature does not fit the model's input",
        where=f"feature {wanted.name!r}",
        found=found,
        wanted=str(wanted),
        next_step="give the Transform graph that makes the model's inputs, or the schema of what it was trained on",
    )


def _transform_complaint(wanted: ModelInput, found: str) -> TfxSavedModelError:
    return TransformGraphError(
        "what the Transform graph gives does not fit the model's input",
        where=f"feature {wanted.name!r}",
        found=found,
        wanted=str(wanted),
        next_step="give the Transform graph that the model was trained with",
    )
