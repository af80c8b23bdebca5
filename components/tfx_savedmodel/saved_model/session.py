"""A SavedModel in a session, as serving runs it: TF1 and TF2 models alike, by tensor names."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.errors import UnreadableModelError, UsageError
from tfx_savedmodel.saved_model.garbage import collector_paused
from tfx_savedmodel.saved_model.meta_graph import RESERVED_SIGNATURES, tensor_spec
from tfx_savedmodel.saved_model.quiet import no_deprecations
from tfx_savedmodel.saved_model.view import SignatureView

if TYPE_CHECKING:
    import numpy as np


class ServingSession:
    """A loaded MetaGraph whose signatures can be run; several threads may run it at once.

    The graph and the session are this object's own, whatever mode the process is in. Loading runs
    the model's initialisers: the caller has judged the graph before.

    Args:
      directory: the SavedModel.
      tags: exactly the MetaGraph's tags; `serve` by default.
      threads: intra- and inter-op threads, 0 for TensorFlow's own choice.
      soft_placement: put ops whose device is not there on another one.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        tags: tuple[str, ...] | None = ("serve",),
        *,
        threads: int = 0,
        soft_placement: bool = True,
    ) -> None:
        import tensorflow as tf

        self._graph = tf.Graph()
        config = tf.compat.v1.ConfigProto(
            intra_op_parallelism_threads=threads,
            inter_op_parallelism_threads=threads,
            allow_soft_placement=soft_placement,
        )
        self._session = tf.compat.v1.Session(graph=self._graph, config=config)
        try:
            with collector_paused(), no_deprecations(), self._graph.as_default():
                meta_graph = tf.compat.v1.saved_model.load(self._session, list(tags or ()), str(Path(directory)))
        except BaseException:
            self._session.close()
            raise
        self.signatures: dict[str, SignatureView] = {}
        for key, value in sorted(meta_graph.signature_def.items()):
            if key not in RESERVED_SIGNATURES:
                self.signatures[key] = SignatureView(
                    key=key,
                    method_name=value.method_name,
                    inputs={name: tensor_spec(info) for name, info in value.inputs.items()},
                    outputs={name: tensor_spec(info) for name, info in value.outputs.items()},
                )
        self._callables: dict[str, Any] = {}
        self._lock = threading.Lock()

    def run(self, signature: str, inputs: Mapping[str, np.ndarray[Any, Any]]) -> dict[str, np.ndarray[Any, Any]]:
        """Return the outputs by name for inputs by name, both with the declared dtypes.

        Raises:
          UsageError: no such signature, or an input missing.
          tf.errors.OpError: what the graph itself raises.
        """
        view = self._signature(signature)
        missing = [name for name in view.inputs if name not in inputs]
        if missing:
            raise UsageError(
                "an input is missing", where=f"signature {signature!r}", found=str(sorted(inputs)), wanted=str(missing)
            )
        names = sorted(view.outputs)
        values = self._callable(view)(*(inputs[name] for name in sorted(view.inputs)))
        return dict(zip(names, values, strict=True))

    def run_tensors(
        self, inputs: Mapping[str, np.ndarray[Any, Any]], outputs: Sequence[str]
    ) -> list[np.ndarray[Any, Any]]:
        """Return graph tensors by their names ("y:0") for graph tensors by theirs; what `run` cannot name.

        Raises:
          tf.errors.OpError: what the graph itself raises.
        """
        import numpy as np

        return [np.asarray(value) for value in self.evaluate(list(outputs), inputs)]

    @property
    def graph(self) -> Any:
        """The session's tf.Graph, for whoever adds to it."""
        return self._graph

    def evaluate(self, fetches: Any, feeds: Mapping[Any, Any]) -> Any:
        """Return what the session gives for any of its graph's tensors."""
        return self._session.run(fetches, feed_dict=dict(feeds))

    def close(self) -> None:
        """Free the session and its variables."""
        self._session.close()

    def __enter__(self) -> ServingSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _signature(self, key: str) -> SignatureView:
        if key not in self.signatures:
            raise UnreadableModelError(
                "no such signature", where=f"signature {key!r}", found=str(sorted(self.signatures)), wanted=key
            )
        return self.signatures[key]

    def _callable(self, view: SignatureView) -> Any:
        with self._lock:
            if view.key not in self._callables:
                self._callables[view.key] = self._session.make_callable(
                    [view.outputs[name].tensor for name in sorted(view.outputs)],
                    feed_list=[view.inputs[name].tensor for name in sorted(view.inputs)],
                )
            return self._callables[view.key]


def fixed_batch(signature: SignatureView) -> int | None:
    """Return the batch size that a signature's inputs fix, or None where it is open."""
    sizes = {spec.shape[0] for spec in signature.inputs.values() if spec.shape}
    fixed = [size for size in sizes if size is not None]
    return fixed[0] if len(sizes) == 1 and fixed else None
