"""Keras model -> Estimator SavedModel and checkpoint, with proof that both answer alike."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from tfx_savedmodel import versions
from tfx_savedmodel.errors import UnreadableModelError, UnsupportedStackError, UsageError
from tfx_savedmodel.estimators.examples import find_example_files
from tfx_savedmodel.estimators.process import Request, convert_in_process
from tfx_savedmodel.estimators.receivers import RECEIVERS
from tfx_savedmodel.operations.gate import refuse_broken, refuse_unsafe
from tfx_savedmodel.operations.targeting import check_consumer, fit_staged, serialized_requests
from tfx_savedmodel.saved_model.local import is_remote, remote_uri
from tfx_savedmodel.saved_model.locate import find_saved_model
from tfx_savedmodel.saved_model.publish import check_destination, publishing, unpublish
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.remote import Staging
from tfx_savedmodel.sources.schema import read_schema
from tfx_savedmodel.sources.transform import TransformGraph

_KERAS_FILES = (".h5", ".hdf5", ".keras")

#: The distributions that bring the package `tensorflow`.
_TENSORFLOWS = ("tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tensorflow-intel", "tensorflow-macos")


@dataclasses.dataclass(frozen=True)
class ConversionResult:
    """What a conversion published.

    `way` is how ("model_to_estimator"); `fingerprint` is SHA-256 in hex. `parity` holds `examples` (how many
    were compared), `source` ("given" or "generated"), `max_relative_difference`, and `outputs`, that
    difference by output name. `notes` say what had to be done to the model first. A remote path is text.
    """

    path: Path | str
    checkpoint: Path | str | None
    way: str
    signatures: tuple[str, ...]
    fingerprint: str
    tensorflow_version: str
    parity: Mapping[str, Any]
    notes: tuple[str, ...] = ()


def convert(
    model: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    *,
    receiver: str = "both",
    transform_graph: str | os.PathLike[str] | None = None,
    schema: str | os.PathLike[str] | None = None,
    examples: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
    checkpoint: str | os.PathLike[str] | None = None,
    tolerance: float = 1e-6,
    target: str | None = None,
    overwrite: bool = False,
) -> ConversionResult:
    """Convert a functional or Sequential Keras model into an Estimator's SavedModel.

    The signatures are `serving_default`, from serialized tf.Examples (string [batch], input `examples`), and
    `serve_raw`, from the Keras model's own inputs. With `receiver` "parsing" or "raw" there is only
    `serving_default`, of that kind. Outputs are named as the Keras model's output layers.

    Args:
      model: a Keras SavedModel, a TFX Model artifact's directory, or an H5 or `.keras` file.
      destination: the directory to write.
      receiver: "both", "raw" or "parsing".
      transform_graph: a Transform graph's directory; examples go through it before the model.
      schema: a schema, or its directory; how examples are parsed where there is no Transform graph. Without
        either that follows from the model's inputs.
      examples: TFRecord files, directories of them, or globs; 1024 examples at most are compared. Without
        any, examples are generated.
      checkpoint: where to write a model_dir that an Estimator made from the same Keras model goes on from
        (`model_to_estimator(…, checkpoint_format="checkpoint")`).
      tolerance: the largest difference from the Keras model that passes, relative to an output's scale.
      target: the oldest TensorFlow that is to load the SavedModel, "tf-1.15" or "tf-2.7", as `export` takes it.
      overwrite: whether what is at `destination` and `checkpoint` may be replaced.

    Raises:
      UnsupportedStackError: the installed TensorFlow has no Estimators.
      UsageError, UnreadableModelError, ExamplesError, DestinationError: an argument cannot be used.
      UnsafeModelError, UnsupportedModelError: the model may not, or cannot, be loaded as Keras.
      TransformGraphError, SchemaError: a feature does not fit the model's inputs.
      ConversionError: the conversion failed.
      TargetError: the result cannot be made to fit the target, or would answer otherwise there.
      ParityError: the converted model answers differently. Nothing is published on any error.
    """
    _check_stack()
    if target is not None:
        check_consumer(target, "target")
    place, checkpoint_place = _place(destination), None if checkpoint is None else _place(checkpoint)
    with Staging() as stage:
        source = _source(stage.path(model, "the model"))
        _check_arguments(receiver, tolerance, stage.named(str(source)), place, checkpoint_place)
        if source.is_dir():
            view = read_saved_model(source)
            refuse_broken(view)
            refuse_unsafe(view)
        graph = None if transform_graph is None else stage.path(transform_graph, "the Transform graph").resolve()
        described = None if schema is None else stage.path(schema, "the schema").resolve()
        # A Transform graph or schema that is none is worth no process.
        if graph is not None:
            TransformGraph(graph)
        if described is not None:
            read_schema(described)
        files = find_example_files(stage.examples(examples, natively=False))
        check_destination(place, overwrite=overwrite)
        with _publishing_both(place, checkpoint_place, overwrite) as (export, model_dir):
            request = Request(
                model=str(source),
                export=str(export),
                model_dir=str(model_dir),
                receiver=receiver,
                transform_graph=None if graph is None else str(graph),
                schema=None if described is None else str(described),
                examples=files,
                tolerance=tolerance,
            )
            result = stage.named(convert_in_process(request))
            notes = (*result["notes"], *_fit(export, target, files))
            view = read_saved_model(export)
    meta_graph = view.meta_graphs[0]
    return ConversionResult(
        path=place,
        checkpoint=checkpoint_place,
        way=result["way"],
        signatures=tuple(sorted(meta_graph.signatures)),
        fingerprint=view.fingerprint or "",
        tensorflow_version=meta_graph.tensorflow_version,
        parity=result["parity"],
        notes=notes,
    )


def _fit(export: Path, target: str | None, examples: Sequence[str]) -> tuple[str, ...]:
    """Make the SavedModel fit its consumer; the checkpoint is the Estimator's, which goes on here."""
    if target is None:
        return ()
    view = read_saved_model(export)
    return fit_staged(export, view.tags, target, lambda: serialized_requests(view, examples))


def _place(path: str | os.PathLike[str]) -> Path | str:
    return remote_uri(path) if is_remote(path) else Path(path).resolve()


def _check_stack() -> None:
    installed = next(filter(None, map(versions.installed, _TENSORFLOWS)), None)
    wanted = f"TensorFlow {versions.LAST_TENSORFLOW_WITH_ESTIMATOR} or older, the last with tf.estimator"
    if installed is None and importlib.util.find_spec("tensorflow") is None:
        raise UnsupportedStackError("TensorFlow is not installed", wanted=wanted)
    if installed is not None and not versions.has_estimator(installed):
        raise UnsupportedStackError(
            "this TensorFlow has no Estimators",
            found=f"TensorFlow {installed}",
            wanted=wanted,
            next_step="convert in an environment of the tfx-1.15 stack; the result also serves under newer ones",
        )


def _source(model: str | os.PathLike[str]) -> Path:
    path = Path(model).resolve()
    if not path.is_file():
        return find_saved_model(path)
    if path.suffix.lower() not in _KERAS_FILES:
        raise UnreadableModelError(
            "not a Keras file", where=str(path), found=path.suffix or "no suffix", wanted=", ".join(_KERAS_FILES)
        )
    return path


def _check_arguments(
    receiver: str, tolerance: float, source: str, destination: Path | str, checkpoint: Path | str | None
) -> None:
    if receiver not in RECEIVERS:
        raise UsageError("no such receiver", where="receiver", found=repr(receiver), wanted=", ".join(RECEIVERS))
    if not tolerance >= 0:
        raise UsageError("not a tolerance", where="tolerance", found=repr(tolerance), wanted="0 or more")
    places: dict[str, PurePath] = {"model": PurePosixPath(source), "destination": PurePosixPath(destination)}
    if checkpoint is not None:
        places["checkpoint"] = PurePosixPath(checkpoint)
    for name, path in places.items():
        for other, outer in places.items():
            if name != other and other != "model" and (path == outer or outer in path.parents):
                raise UsageError(
                    f"the {name} lies in the {other}",
                    where=str(outer),
                    found=str(path),
                    wanted="places of their own",
                    next_step=f"name another {other}",
                )


@contextlib.contextmanager
def _publishing_both(
    destination: Path | str, checkpoint: Path | str | None, overwrite: bool
) -> Iterator[tuple[Path, Path]]:
    """Yield the directories that become the SavedModel and the model_dir: both of them, or neither.

    Without `checkpoint` the second is a temporary one.
    """
    if checkpoint is None:
        with (
            tempfile.TemporaryDirectory(prefix="tfx-savedmodel-") as folder,
            publishing(destination, overwrite=overwrite) as export,
        ):
            yield export, Path(folder)
        return
    done = False
    try:
        with publishing(destination, overwrite=overwrite) as export:
            with publishing(checkpoint, overwrite=overwrite) as model_dir:
                yield export, model_dir
            done = True
    except BaseException:
        if done:  # The checkpoint was published, and then the model could not be.
            unpublish(checkpoint)
        raise
