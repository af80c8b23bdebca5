"""What a signature is fed with: serialized examples, raw features or the model's own inputs, made of tf.Examples."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from tfx_savedmodel.errors import ExamplesError, UnsupportedModelError
from tfx_savedmodel.saved_model.tensors import compatible
from tfx_savedmodel.signatures.features import RawFeature
from tfx_savedmodel.signatures.ingredients import Ingredients
from tfx_savedmodel.signatures.kinds import CLASSIFY, REGRESS
from tfx_savedmodel.signatures.misfits import misfits
from tfx_savedmodel.signatures.receiving import Receiver
from tfx_savedmodel.signatures.resolved import DERIVED, ResolvedPlan, ResolvedSignature, ResolvedTensor

if TYPE_CHECKING:
    import numpy as np

    Arrays = dict[str, np.ndarray[Any, Any]]

Way = Literal["examples", "features", "model"]


@dataclasses.dataclass(frozen=True)
class Feed:
    """How a signature is fed: `names` maps each exported input to the raw feature or the model's input.

    Fed with serialized examples it has one input, and its name stands for itself.
    """

    way: Way
    names: Mapping[str, str]


def feed_of(
    resolved: ResolvedPlan, key: str, ingredients: Callable[[], Ingredients], takes_examples: Callable[[str], bool]
) -> Feed | str:
    """Return how the signature `key` is fed from tf.Examples, or why it cannot be.

    What the plan makes is known. A function, or a signature of the source, is told by its inputs: one
    string [batch] that it parses (`takes_examples` says so of a signature of the source), else inputs
    that are the model's by name, dtype and shape, else inputs that are raw features in the same way.
    """
    signature = resolved.signatures[key]
    root, names = _root(resolved, signature)
    if not signature.inputs:
        return "it has no inputs"
    if root.receiver == "examples":
        return Feed("examples", names)
    if root.receiver == "features":
        return Feed("features", names)
    if root.kind == "model":
        return Feed("model", names)
    if _one_string(signature):
        parses = root.of_source and takes_examples(root.of or root.key)
        if parses or signature.method_name in (CLASSIFY, REGRESS):
            return Feed("examples", names)
    return _by_inputs(signature, names, ingredients)


class Feeder:
    """Turns serialized tf.Examples into what signatures take; each form is made once, of all examples.

    `ingredients` is called only where a signature takes something else than the examples.
    """

    def __init__(self, ingredients: Callable[[], Ingredients], examples: Sequence[bytes]) -> None:
        self._ingredients = ingredients
        self._examples = list(examples)

    def tensors(self, feed: Feed) -> list[Arrays | None]:
        """Return for each example the signature's inputs, arrays [1, …] by exported name.

        None stands for an example that the signature has no way to be given: it lacks an integer, or has
        several values of a feature that takes one.

        Raises:
          ExamplesError: the examples cannot be parsed or preprocessed.
        """
        import numpy as np

        if feed.way == "examples":
            return [{name: np.array([one], dtype=object) for name in feed.names} for one in self._examples]
        made = self._features if feed.way == "features" else self._model_inputs
        rows: list[Arrays | None] = []
        for index in range(len(self._examples)):
            row = {exported: made[name][index] for exported, name in feed.names.items()}
            whole = {name: value for name, value in row.items() if value is not None}
            rows.append(whole if len(whole) == len(row) else None)
        return rows

    @functools.cached_property
    def _features(self) -> dict[str, list[np.ndarray[Any, Any] | None]]:
        """The raw features of each example as `serve_features` takes them."""
        import tensorflow as tf

        ingredients = self._ingredients()
        try:
            parsed = tf.io.parse_example(tf.constant(self._examples), ingredients.raw_spec)
        except tf.errors.OpError as error:
            raise _unfit(error) from error
        return {
            name: _rows(parsed[name], feature, len(self._examples)) if feature.sparse else _slices(parsed[name])
            for name, feature in ingredients.raw.items()
        }

    @functools.cached_property
    def _model_inputs(self) -> dict[str, list[np.ndarray[Any, Any] | None]]:
        """The model's inputs of each example, through the Transform graph where there is one."""
        import tensorflow as tf

        try:
            made = Receiver(self._ingredients()).from_examples(tf.constant(self._examples))
        except tf.errors.OpError as error:
            raise _unfit(error) from error
        return {name: _slices(value) for name, value in made.items()}


def _root(resolved: ResolvedPlan, signature: ResolvedSignature) -> tuple[ResolvedSignature, dict[str, str]]:
    """Return the signature that a derived one comes down to, and exported input -> the root's source name."""
    names = {name: item.source for name, item in signature.inputs.items()}
    while signature.kind in DERIVED and not signature.of_source:
        signature = resolved.signatures[signature.of or ""]
        names = {exported: signature.inputs[name].source for exported, name in names.items()}
    return signature, names


def _one_string(signature: ResolvedSignature) -> bool:
    items = list(signature.inputs.values())
    if len(items) != 1 or items[0].dtype != "string":
        return False
    return items[0].shape is None or len(items[0].shape) == 1


def _by_inputs(
    signature: ResolvedSignature, names: Mapping[str, str], ingredients: Callable[[], Ingredients]
) -> Feed | str:
    try:
        known = ingredients()
    except UnsupportedModelError as error:
        return f"it cannot be told what it takes: {error.message}"
    items = {names[exported]: item for exported, item in signature.inputs.items()}
    if receivable(known) and _fits(items, known.model.inputs):
        return Feed("model", names)
    if _fits(items, {name: (feature.dtype, feature.shape) for name, feature in known.raw.items()}):
        return Feed("features", names)
    return "its inputs are neither serialized examples, nor the model's inputs, nor raw features"


def _fits(items: Mapping[str, ResolvedTensor], specs: Mapping[str, tuple[str, Any]]) -> bool:
    return all(
        name in specs and specs[name][0] == item.dtype and compatible(specs[name][1], item.shape)
        for name, item in items.items()
    )


def receivable(ingredients: Ingredients) -> bool:
    """Tell whether the model's inputs come of raw features."""
    return set(ingredients.model.inputs) <= ingredients.given and not misfits(ingredients, "")


def _slices(tensor: Any) -> list[np.ndarray[Any, Any] | None]:
    array = tensor.numpy()
    return [array[index : index + 1] for index in range(len(array))]


def _rows(tensor: Any, feature: RawFeature, count: int) -> list[np.ndarray[Any, Any] | None]:
    """Return a parsed variable-length feature's values by example, [1, values], or None where they cannot be given."""
    import numpy as np

    values, owners = tensor.values.numpy(), tensor.indices.numpy()[:, 0]
    rows = np.split(values, np.searchsorted(owners, np.arange(1, count)))
    takes_one = feature.shape is not None and feature.shape[1] == 1
    stand_in = {"nan": np.nan, "empty": b""}.get(feature.missing or "")
    given: list[np.ndarray[Any, Any] | None] = []
    for row in rows:
        if not takes_one or len(row) == 1:
            given.append(row[np.newaxis])
        elif len(row) == 0 and stand_in is not None:
            given.append(np.array([[stand_in]], dtype=values.dtype))
        else:
            given.append(None)
    return given


def _unfit(error: Any) -> ExamplesError:
    return ExamplesError(
        "the examples do not become the model's inputs",
        where="examples",
        found=str(error.message),
        wanted="examples like those that the model was trained on",
        next_step="give examples that have every feature of the schema, with its type",
    )
