"""Baselines of an explanation: inputs from which attributions are counted.

Each is an example that went through the preprocessing, so it is something that the model can be asked.
From statistics there is one: of each number the median, which outliers do not move and which, unlike
the mean of a skewed feature, lies where the data are; of each string the most frequent value; a feature
that most examples lack is missing. From examples there are up to ten, spread evenly over those given;
attributions are averaged over them. A mean of the inputs would be no example: of one-hot vectors it is
a mixture that the model never saw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from tfx_savedmodel.errors import ExamplesError
from tfx_savedmodel.signatures.feeding import Feed, Feeder
from tfx_savedmodel.signatures.ingredients import Ingredients

if TYPE_CHECKING:
    import numpy as np

#: explainable-ai-sdk refuses more (MAX_NUM_BASELINES).
MOST_BASELINES = 10


class Statistic(Protocol):
    """What is known of a raw feature: the sources room has it."""

    @property
    def present(self) -> float:
        """The fraction of examples that have the feature."""

    @property
    def values(self) -> float:
        """How many values an example that has it holds, on average."""

    @property
    def typical(self) -> float | str | None:
        """The median of a number, the most frequent value of a string; None where it is not known."""


def from_examples(
    ingredients: Callable[[], Ingredients], feed: Feed, examples: Sequence[bytes], *, most: int = MOST_BASELINES
) -> dict[str, list[Any]]:
    """Return at most `most` baselines by exported input name, each shaped like one instance, as JSON.

    Raises:
      ExamplesError: an example does not become the inputs, or gives one that is no finite number.
    """
    given = [row for row in Feeder(ingredients, spread(examples, most)).tensors(feed) if row is not None]
    return {name: [_plain(name, row[name][0]) for row in given] for name in feed.names if given}


def typical_example(statistics: Mapping[str, Statistic], raw_spec: Mapping[str, Any]) -> bytes:
    """Return the serialized tf.Example that is typical by the statistics of its raw features.

    Raises:
      ExamplesError: every example has a feature of which there are no statistics.
    """
    import tensorflow as tf

    example = tf.train.Example()
    for name, spec in sorted(raw_spec.items()):
        known = statistics.get(name)
        fixed = isinstance(spec, tf.io.FixedLenFeature)
        if not fixed and (known is None or known.typical is None or known.present < 0.5):
            continue
        if known is None or known.typical is None:
            raise ExamplesError(
                "the statistics lack a feature",
                where=f"feature {name!r}",
                found="no typical value of it" if known else ", ".join(sorted(statistics)) or "none",
                wanted="its median, or its most frequent value",
                next_step="give the statistics of the data that the model was trained on, or examples instead",
            )
        count = tf.TensorShape(spec.shape).num_elements() if fixed else max(1, round(known.values))
        _set(example.features.feature[name], spec.dtype, known.typical, count)
    serialized: bytes = example.SerializeToString(deterministic=True)
    return serialized


def spread(examples: Sequence[bytes], most: int) -> list[bytes]:
    """Return at most `most` examples, spread evenly, in their order."""
    if len(examples) <= most:
        return list(examples)
    return [examples[index * len(examples) // most] for index in range(most)]


def _set(feature: Any, dtype: Any, value: float | str, count: int) -> None:
    if dtype.name == "string":
        feature.bytes_list.value.extend([str(value).encode()] * count)
    elif dtype.is_integer:
        feature.int64_list.value.extend([round(float(value))] * count)
    else:
        feature.float_list.value.extend([float(value)] * count)


def _plain(name: str, value: np.ndarray[Any, Any]) -> Any:
    """Return an array or scalar as JSON holds it."""
    import numpy as np

    array = np.asarray(value)
    if array.dtype == object:
        return np.vectorize(lambda text: text.decode("utf-8", "backslashreplace"), otypes=[object])(array).tolist()
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ExamplesError(
            "a baseline is no finite number",
            where=f"input {name!r}",
            found=str(array.tolist()),
            wanted="finite numbers: attributions are counted from them",
            next_step="fill missing values in the preprocessing_fn, or give data that have the feature",
        )
    return array.astype(np.float64).tolist() if array.dtype.kind in "fV" else array.tolist()
