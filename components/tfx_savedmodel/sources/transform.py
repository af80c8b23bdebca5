"""A Transform graph: what TensorFlow Transform learnt, as a layer and as feature specs."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import TransformGraphError, UnsupportedStackError
from tfx_savedmodel.saved_model.garbage import collector_paused

_GRAPH = Path("transform_fn") / "saved_model.pb"
_METADATA = ("metadata", "transformed_metadata")


class TransformGraph:
    """The directory that Transform writes (`transform_fn/`, `transformed_metadata/`, `metadata/`).

    Raises:
      TransformGraphError: the directory is none.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = Path(directory)
        missing = [name for name in (str(_GRAPH), "transformed_metadata") if not (self.directory / name).exists()]
        if missing:
            raise TransformGraphError(
                "no Transform graph here",
                where=str(self.directory),
                found=f"no {', no '.join(missing)}",
                wanted="the transform_graph output of Transform",
                next_step="give the artifact's own directory",
            )

    @functools.cached_property
    def output(self) -> Any:
        """The `tft.TFTransformOutput`."""
        try:
            import tensorflow_transform as tft
        except ImportError as error:
            raise UnsupportedStackError(
                "tensorflow-transform is not installed",
                wanted="it, to read a Transform graph",
                next_step="install tfx-savedmodel[tfx]",
            ) from error
        return tft.TFTransformOutput(str(self.directory))

    @property
    def schema(self) -> Any:
        """The schema of the raw features that Transform was run with."""
        return self.output.raw_metadata.schema

    def raw_feature_spec(self, exclude: Collection[str] = ()) -> dict[str, Any]:
        """Return the parsing spec of the raw features, without those in `exclude`."""
        try:
            spec = self.output.raw_feature_spec()
        except OSError as error:
            raise TransformGraphError(
                "the Transform graph has no raw metadata", where=str(self.directory), found=str(error)
            ) from error
        return {name: feature for name, feature in sorted(spec.items()) if name not in exclude}

    def transformed_feature_spec(self) -> dict[str, Any]:
        """Return the parsing spec of what the graph gives, labels included."""
        spec: dict[str, Any] = self.output.transformed_feature_spec()
        return spec

    def given_without(self, exclude: Collection[str]) -> set[str]:
        """Return the names of what the graph gives where no request has the features in `exclude`."""
        import tensorflow as tf

        spec, layer = self.raw_feature_spec(exclude), self.layer()
        given: set[str] = set()

        def transform(serialized: Any) -> Any:
            # The layer leaves out each output that depends on a feature that it is not given.
            transformed = layer(tf.io.parse_example(serialized, spec))
            given.update(transformed)
            return transformed

        with collector_paused():
            tf.function(transform, autograph=False).get_concrete_function(tf.TensorSpec([None], tf.string))
        return given

    def layer(self) -> Any:
        """Return a new TransformFeaturesLayer.

        What saves a function that calls it must track it, or its tables stay uninitialised.
        """
        return self.output.transform_features_layer()

    def in_graph(self) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
        """Return what transforms raw features in the graph of TF1's kind that is built now.

        Outputs that depend on a feature that is not given are left out. The graph's collections name the
        initialisers of its tables, and its assets.
        """
        import tensorflow as tf

        # A Transform graph's tables belong to the graph that it was first loaded in: each graph loads its own.
        output = TransformGraph(self.directory).output
        # Keras would have AutoGraph rewrite the layer, which is plain Python: seconds, for nothing.
        transform = tf.autograph.experimental.do_not_convert(output.transform_raw_features)
        return functools.partial(transform, drop_unused_features=True)

    def vocabulary(self, name: str) -> tuple[str, ...]:
        """Return the words of a vocabulary, in the order of their numbers.

        Raises:
          TransformGraphError: there is none of that name, or it is not text.
        """
        assets = self.directory / "transform_fn" / "assets"
        there = sorted(file.name.removesuffix(".gz") for file in assets.iterdir()) if assets.is_dir() else []
        try:
            return tuple(word.decode("utf-8") for word in self.output.vocabulary_by_name(name))
        except (ValueError, OSError) as error:
            raise TransformGraphError(
                "the Transform graph has no such vocabulary that is text",
                where=str(self.directory),
                found=", ".join(there) or "no vocabulary",
                wanted=name,
                next_step="name the vocab_filename of the preprocessing_fn",
            ) from error

    def needed_for(self, outputs: Collection[str], exclude: Collection[str] = ()) -> dict[str, Any]:
        """Return the raw spec of the features, less `exclude`, having checked that `outputs` are given.

        Raises:
          TransformGraphError: the graph does not give one of `outputs`.
        """
        given = self.transformed_feature_spec()
        missing = sorted(set(outputs) - set(given))
        if missing:
            raise TransformGraphError(
                "the Transform graph does not fit the model",
                where=str(self.directory),
                found=f"it gives {', '.join(sorted(given))}",
                wanted=f"the model's input{'s' if len(missing) > 1 else ''} {', '.join(missing)}",
                next_step="export with the Transform graph that the model was trained with",
            )
        return self.raw_feature_spec(exclude)
