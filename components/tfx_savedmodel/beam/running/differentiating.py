"""Gradients of a signature's output: through TF2's loader and a tape, or in the session of a TF1 graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.beam.running.pieces import in_pieces
from tfx_savedmodel.errors import UnreadableModelError
from tfx_savedmodel.saved_model.garbage import collector_paused
from tfx_savedmodel.saved_model.session import ServingSession, fixed_batch
from tfx_savedmodel.saved_model.view import GraphView, SignatureView
from tfx_savedmodel.validation.check import Gradients

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_VALUES, _TARGETS, _GRADIENT, _POINT = "values", "targets", "gradient:", "point:"

#: (output, what to differentiate by, the inputs and targets of a batch) -> results by the names above
_Way = Callable[[SignatureView, str, tuple[str, ...], Mapping[str, "Array"]], dict[str, "Array"]]


class Differentiator:
    """Gives gradients of a model: of a TF2 one by a copy that TF2 loads, of a TF1 one in its session."""

    def __init__(self, directory: str, graph: GraphView, session: ServingSession) -> None:
        meta_graph = graph.meta_graph()
        self._signatures = session.signatures
        is_tf2 = meta_graph is not None and meta_graph.is_tf2
        self._way: _Way = _Tape(directory, graph) if is_tf2 else _Session(session)

    def gradients(
        self,
        signature: str,
        output: str,
        inputs: Mapping[str, Array],
        by: Sequence[str],
        targets: Array | None = None,
    ) -> Gradients:
        """Return the gradients as `ExamplesRun.gradients` says.

        Raises:
          What the loader or the graph raises.
        """
        view = self._signatures[signature]
        given = dict(inputs) if targets is None else {**inputs, _TARGETS: targets}
        size = fixed_batch(view)
        rows = len(next(iter(inputs.values())))

        def run(piece: Mapping[str, Array]) -> dict[str, Array]:
            return self._way(view, output, tuple(by), piece)

        found = run(given) if size is None or size == rows else in_pieces(size, given, run)
        return Gradients(
            values=found[_VALUES],
            targets=found[_TARGETS],
            points={name: found[_POINT + name] for name in by},
            by={name: found.get(_GRADIENT + name) for name in by},
        )


class _Tape:
    def __init__(self, directory: str, graph: GraphView) -> None:
        import tensorflow as tf

        meta_graph = graph.meta_graph()
        assert meta_graph is not None
        with collector_paused():
            self._loaded = tf.saved_model.load(directory, tags=list(meta_graph.tags))

    def __call__(
        self, view: SignatureView, output: str, by: tuple[str, ...], given: Mapping[str, Array]
    ) -> dict[str, Array]:
        import tensorflow as tf

        unknown = [name for name in by if name not in view.inputs]
        if unknown:
            raise UnreadableModelError(
                "a TF2 signature has no such input",
                where=f"signature {view.key!r}",
                found=", ".join(unknown),
                wanted=", ".join(view.inputs),
            )
        tensors = {name: tf.constant(given[name], dtype=spec.dtype) for name, spec in view.inputs.items()}
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([tensors[name] for name in by])
            answers = self._loaded.signatures[view.key](**tensors)[output]
            flat = tf.reshape(answers, [tf.shape(answers)[0], -1])
            targets = given.get(_TARGETS)
            chosen = tf.argmax(flat, axis=1) if targets is None else tf.constant(targets, tf.int64)
            values = tf.gather(flat, chosen, axis=1, batch_dims=1)
        slopes = tape.gradient(values, [tensors[name] for name in by])
        found = {_VALUES: _float64(values), _TARGETS: chosen.numpy()}
        for name, slope in zip(by, slopes, strict=True):
            found[_POINT + name] = given[name]
            if slope is not None:
                found[_GRADIENT + name] = _float64(tf.convert_to_tensor(slope))
        return found


class _Session:
    """Adds the gradients to the session's graph, once for each question."""

    def __init__(self, session: ServingSession) -> None:
        self._session = session
        self._made: dict[tuple[str, str, tuple[str, ...]], tuple[dict[str, Any], Any]] = {}

    def __call__(
        self, view: SignatureView, output: str, by: tuple[str, ...], given: Mapping[str, Array]
    ) -> dict[str, Array]:
        import numpy as np

        key = (view.key, output, by)
        if key not in self._made:
            with collector_paused():
                self._made[key] = self._make(view, output, by)
        fetches, targets = self._made[key]
        feeds = {
            self._tensor(view, name): values for name, values in given.items() if name in view.inputs or name in by
        }
        wanted = given.get(_TARGETS)
        if wanted is None:
            answers = self._session.evaluate(self._session.graph.get_tensor_by_name(view.outputs[output].tensor), feeds)
            wanted = np.asarray(answers, np.float64).reshape(len(answers), -1).argmax(axis=1)
        found: dict[str, Array] = self._session.evaluate(fetches, {**feeds, targets: wanted})
        return {**{name: np.asarray(value) for name, value in found.items()}, _TARGETS: wanted}

    def _make(self, view: SignatureView, output: str, by: tuple[str, ...]) -> tuple[dict[str, Any], Any]:
        import tensorflow as tf

        with self._session.graph.as_default():
            answers = self._session.graph.get_tensor_by_name(view.outputs[output].tensor)
            targets = tf.compat.v1.placeholder(tf.int64, [None])
            flat = tf.reshape(answers, [tf.shape(answers)[0], -1])
            values = tf.gather(flat, targets, axis=1, batch_dims=1)
            points = [self._tensor(view, name) for name in by]
            slopes = tf.gradients(values, points)
            fetches = {_VALUES: tf.cast(values, tf.float64)}
            for name, point, slope in zip(by, points, slopes, strict=True):
                fetches[_POINT + name] = tf.identity(point)
                if slope is not None:
                    fetches[_GRADIENT + name] = tf.cast(tf.convert_to_tensor(slope), tf.float64)
        return fetches, targets

    def _tensor(self, view: SignatureView, name: str) -> Any:
        tensor = view.inputs[name].tensor if name in view.inputs else name
        return self._session.graph.get_tensor_by_name(tensor if ":" in tensor else f"{tensor}:0")


def _float64(tensor: Any) -> Array:
    import numpy as np

    return np.asarray(tensor.numpy(), np.float64)
