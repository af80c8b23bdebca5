"""The parts of a plan beside its signatures."""

from __future__ import annotations

from typing import Annotated, Any

import pydantic

from tfx_savedmodel.signatures.kinds import Part, TensorSpec


class Source(Part):
    """How the source is read.

    `tags` name the MetaGraph of a SavedModel. `model_fn` names a function of the module file that
    builds the model of a weights-only file or checkpoint; of a TF1 checkpoint its graph, or it is an
    Estimator's model_fn, which takes `params`, and features by `features` where no Transform graph or
    schema says what they are. `graph` is the file of a TF1 checkpoint's graph, a MetaGraphDef or GraphDef;
    without it PREFIX.meta. `custom_objects` allows classes and
    functions by name (as the model names them, "Attention" or "package>Attention"); they come from the
    module file. `allow_lambda` allows Python code inside a Keras file to be unpacked.
    """

    tags: tuple[str, ...] = ("serve",)
    model_fn: str | None = None
    params: dict[str, Any] = pydantic.Field(default_factory=dict)
    features: dict[str, TensorSpec] | None = None
    graph: str | None = None
    custom_objects: tuple[str, ...] = ()
    allow_lambda: bool = False


class Explanation(Part):
    """Asks for `explanation_metadata.json`: the signature that is explained, and which output of it.

    `output` may be left out where the signature has one.
    """

    signature: str = "xai_model"
    output: str | None = None


class Warmup(Part):
    """Asks for warm-up requests: so many for each signature, 1000 in all at most, as TensorFlow Serving reads."""

    requests: Annotated[int, pydantic.Field(ge=1, le=1000)] = 100


class SaveOptions(Part):
    """Passed to `tf.saved_model.SaveOptions` where functions are traced; they change nothing in a rewrite.

    `experimental_variable_policy` is null, "save_variable_devices" or "expand_distributed_variables".
    """

    namespace_whitelist: tuple[str, ...] = ()
    experimental_custom_gradients: bool = True
    experimental_io_device: str | None = None
    experimental_variable_policy: str | None = None

    @pydantic.field_validator("experimental_variable_policy")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        known = ("save_variable_devices", "expand_distributed_variables")
        if value is not None and value not in known:
            raise ValueError(f"none of {', '.join(known)}")
        return value
