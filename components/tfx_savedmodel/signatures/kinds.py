"""The kinds of signature that a plan can name, one class each.

In `inputs` and `outputs` the key is the exported name and the value the source's, everywhere but in
`Function`, whose `inputs` are specs.
"""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic

PREDICT = "tensorflow/serving/predict"
CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"

#: The dtypes of tensors that a signature can take, by TensorFlow's short names.
DTYPES = (
    *("float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "uint32", "uint64", "bool", "string", "complex64", "complex128"),
    *("qint8", "qint16", "qint32", "quint8", "quint16"),
)


class Part(pydantic.BaseModel):
    """What all parts of a plan have: no unknown fields, and no change after construction."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class ServeExamples(Part):
    """Takes serialized tf.Example (string, [batch]) under `input`, gives the model's outputs.

    The examples are parsed by the Transform graph's raw feature spec, else by the schema, else by
    the model's own inputs, and go through the Transform graph where there is one.
    """

    kind: Literal["serve_examples"] = "serve_examples"
    input: str = "examples"
    outputs: dict[str, str] | None = None
    method_name: str = PREDICT


class ServeFeatures(Part):
    """Takes one tensor per raw feature, gives the model's outputs.

    A feature that an example may lack is dense here: NaN (float) or "" (string) says "missing".
    """

    kind: Literal["serve_features"] = "serve_features"
    inputs: dict[str, str] | None = None
    outputs: dict[str, str] | None = None
    method_name: str = PREDICT


class Preprocess(Part):
    """Takes raw features or serialized examples, gives what the `model` signature takes.

    `of` names that signature of the plan; by default `xai_model`, else the only one of kind `model`.
    """

    kind: Literal["preprocess"] = "preprocess"
    receiver: Literal["features", "examples"] = "features"
    of: str | None = None
    input: str = "examples"
    inputs: dict[str, str] | None = None
    method_name: str = PREDICT


class Model(Part):
    """The model's own inputs and outputs.

    `inputs` and `outputs` rename: exported name -> the source's. With `outputs`, only those are
    exported; `inputs` need not be complete.
    """

    kind: Literal["model"] = "model"
    inputs: dict[str, str] | None = None
    outputs: dict[str, str] | None = None
    method_name: str = PREDICT


class Alias(Part):
    """Another key for a signature: of the plan, else a kept one, else one of the source.

    `inputs` and `outputs` rename as in `Model`; where `of` is the alias's own key, the source's
    signature of that key is meant.
    """

    kind: Literal["alias"] = "alias"
    of: str
    inputs: dict[str, str] | None = None
    outputs: dict[str, str] | None = None
    method_name: str | None = None


class TensorSpec(Part):
    """The dtype ("float32") and shape of a function's argument; null is an open size, or an unknown rank."""

    dtype: str
    shape: tuple[int | None, ...] | None

    @pydantic.field_validator("dtype")
    @classmethod
    def _known(cls, dtype: str) -> str:
        if dtype not in DTYPES:
            raise ValueError(f"no such dtype; wanted one of {', '.join(DTYPES)}")
        return dtype


class Function(Part):
    """A tf.function of the loaded object: `path` is its attribute path, such as "score" or "encoder.embed".

    Without a `path` the object's only tf.function is meant. `inputs` give the spec of each tensor
    argument by name; they are needed only where the function has no input signature of its own.
    Outputs have the keys of a returned mapping, else they are numbered: "output_0".
    """

    kind: Literal["function"] = "function"
    path: str | None = None
    inputs: dict[str, TensorSpec] | None = None
    outputs: dict[str, str] | None = None
    method_name: str = PREDICT


class Module(Part):
    """A tf.function that a function of the module file makes.

    `function` names it. It may take `model` (the loaded object), `transform_graph`
    (a tft.TFTransformOutput or None) and `schema` (a Schema proto or None), and returns a tf.function
    or concrete function, or a dictionary of them in which this signature has its key.
    """

    kind: Literal["module"] = "module"
    function: str
    inputs: dict[str, TensorSpec] | None = None
    outputs: dict[str, str] | None = None
    method_name: str = PREDICT


class Classes(Part):
    """Where the class names come from, in the order of the scores: exactly one of these.

    `vocabulary` names a vocabulary of the Transform graph, `file` a text file with one class a line,
    `labels` are the names themselves.
    """

    vocabulary: str | None = None
    file: str | None = None
    labels: tuple[str, ...] | None = None

    @pydantic.model_validator(mode="after")
    def _one(self) -> Classes:
        if sum(value is not None for value in (self.vocabulary, self.file, self.labels)) != 1:
            raise ValueError("exactly one of vocabulary, file and labels is wanted")
        if self.labels is not None and not self.labels:
            raise ValueError("at least one label is wanted")
        return self


class Tensors(Part):
    """Tensors of a TF1 graph by their names: exported name -> "node:index".

    A TF2 model's tensors are inside of functions: there it is refused.
    """

    kind: Literal["tensors"] = "tensors"
    inputs: dict[str, str]
    outputs: dict[str, str]
    method_name: str = PREDICT


def _form_of_classes(value: object) -> str:
    """Text names an output, anything else says where names come from: so one mistake is told once."""
    return "output" if isinstance(value, str) else "Classes"


class Classify(Part):
    """A signature for TensorFlow Serving's Classify: serialized tf.Example in, `classes` and `scores` out.

    `of` names a signature over serialized examples (of the plan, kept, or of the source). `scores` is
    its output of floats [batch, classes]; `classes` are strings: an output of that shape by name, or names
    from a vocabulary, file or list, in the order of the scores. At least one of both is wanted.
    Source: classifier.cc of TensorFlow Serving.
    """

    kind: Literal["classify"] = "classify"
    of: str
    scores: str | None = None
    classes: (
        Annotated[
            Annotated[str, pydantic.Tag("output")] | Annotated[Classes, pydantic.Tag("Classes")],
            pydantic.Discriminator(_form_of_classes),
        ]
        | None
    ) = None

    @pydantic.model_validator(mode="after")
    def _something(self) -> Classify:
        if self.scores is None and self.classes is None:
            raise ValueError("scores, classes or both are wanted")
        if self.scores is None and isinstance(self.classes, Classes):
            raise ValueError("names of classes need the scores that they stand beside")
        return self


class Regress(Part):
    """A signature for TensorFlow Serving's Regress: serialized tf.Example in, one float an example out.

    `of` names a signature over serialized examples; `value` is its output of floats [batch] or
    [batch, 1]. Source: regressor.cc of TensorFlow Serving.
    """

    kind: Literal["regress"] = "regress"
    of: str
    value: str


Signature = Annotated[
    ServeExamples | ServeFeatures | Preprocess | Model | Alias | Function | Module | Tensors | Classify | Regress,
    pydantic.Field(discriminator="kind"),
]
