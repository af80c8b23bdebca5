"""Keras model -> Estimator SavedModel and checkpoint, with proof that both answer alike."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import ConversionError, TfxSavedModelError, UnreadableModelError
from tfx_savedmodel.estimators.examples import find_example_files
from tfx_savedmodel.estimators.keras_model import refuse_at_sight
from tfx_savedmodel.estimators.process import Request, convert_in_process
from tfx_savedmodel.estimators.ways import BUILDER
from tfx_savedmodel.operations.conversion_options import (
    FeatureSpecLike,
    OutputsLike,
    check_options,
    check_stack,
    has_estimators,
    read_feature_spec,
    read_outputs,
)
from tfx_savedmodel.operations.conversion_places import check_places, publishing_both
from tfx_savedmodel.operations.conversion_places import place as place_of
from tfx_savedmodel.operations.extra_assets import fetch_assets, put_assets, read_assets
from tfx_savedmodel.operations.gate import refuse_broken, refuse_unsafe
from tfx_savedmodel.operations.targeting import check_consumer, fit_staged, serialized_requests
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.remote import Staging
from tfx_savedmodel.sources.find import KERAS_FILE, SAVED_MODEL, find_trained_model
from tfx_savedmodel.sources.schema import read_schema
from tfx_savedmodel.sources.transform import TransformGraph

_WORKER = "tfx_savedmodel.operations.conversion_worker"

PathLike = str | os.PathLike[str]


@dataclasses.dataclass(frozen=True)
class ConversionResult:
    """What a conversion published.

    `way` is how, "model_to_estimator" or "builder"; `fingerprint` is SHA-256 in hex. `parity` holds `examples` (how
    many were compared), `source` ("given", "generated" or "not compared"), `max_relative_difference`, and `outputs`,
    that difference by output name. `notes` say what had to be done to the model first, and why this way was gone.
    A remote path is text.
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
    model: PathLike,
    destination: PathLike,
    *,
    receiver: str = "both",
    transform_graph: PathLike | None = None,
    schema: PathLike | None = None,
    feature_spec: FeatureSpecLike | None = None,
    examples: PathLike | Sequence[PathLike] = (),
    module_file: PathLike | None = None,
    allow: Sequence[str] = (),
    outputs: OutputsLike | None = None,
    serving_default: str | None = None,
    assets_extra: Mapping[str, PathLike] | None = None,
    checkpoint: PathLike | None = None,
    checkpoint_format: str = "object",
    checkpoint_needed: bool = True,
    tolerance: float = 1e-6,
    compare: bool = True,
    target: str | None = None,
    overwrite: bool = False,
) -> ConversionResult:
    """Convert a Keras model into an Estimator's SavedModel, by `model_to_estimator` or by TF1's Builder.

    The signatures are `serving_default`, from serialized tf.Examples (string [batch], input `examples`), and
    `serve_raw`, from the Keras model's own inputs. With `receiver` "parsing" or "raw" there is only
    `serving_default`, of that kind. Outputs are named as the Keras model's output layers.

    The way is `model_to_estimator` where TensorFlow has it, for functional and Sequential models without lookup
    tables. Any other model, and every model above TensorFlow 2.15, is written by TF1's Builder: the same variables of
    TF1, receivers, signatures and method names.

    Args:
      model: a Keras SavedModel, a TFX Model artifact's directory, or an H5 or `.keras` file.
      destination: the directory to write.
      receiver: "both", "raw", "parsing", or "module:NAME": a function of the module file that returns a
        ServingInputReceiver, or an object with its `features` and `receiver_tensors`. It may take
        `transform_graph` (a tft.TFTransformOutput or None) and `schema` (a Schema proto or None).
      transform_graph: a Transform graph's directory; examples go through it before the model.
      schema: a schema, or its directory; how examples are parsed where there is no Transform graph. Without
        either that follows from the model's inputs.
      feature_spec: how examples are parsed, in the place of the schema or the Transform graph's raw spec:
        {"age": {"dtype": "float32", "shape": [1]}, …}, with null for a shape of any number of values, and perhaps a
        `default`; a mapping, JSON text or a JSON file.
      examples: TFRecord files, directories of them, or globs; 1024 examples at most are compared. Without
        any, examples are generated.
      module_file: a Python file, or a module's dotted name, with the model's own classes and the receiver.
      allow: names of custom classes and functions that may be loaded; "Lambda" allows Python code in the model.
      outputs: the signatures over `serving_default`'s receiver, by key: {"kind": "predict", "outputs": {…}},
        {"kind": "classify", "scores": …, "classes": …} or {"kind": "regress", "value": …}, as PredictOutput,
        ClassificationOutput and RegressionOutput give; a mapping, JSON text or a JSON file.
      serving_default: the key of `outputs` that is `serving_default` too; by default that predicts every output.
      assets_extra: files to lie in assets.extra, by their path there.
      checkpoint: where to write a model_dir that an Estimator made from the same Keras model goes on from
        (`model_to_estimator(…, checkpoint_format="checkpoint")`).
      checkpoint_format: "object", or "saver" for TF1's own, by variable names.
      checkpoint_needed: whether it is an error where the model has to be written by the Builder, which makes no
        checkpoint; else the result's `checkpoint` is None then.
      tolerance: the largest difference from the Keras model that passes, relative to an output's scale.
      compare: False leaves the comparison out, and the result says so.
      target: the oldest TensorFlow that is to load the SavedModel, "tf-1.15" or "tf-2.7", as `export` takes it.
      overwrite: whether a SavedModel at `destination` and a model_dir at `checkpoint` may be replaced. What else is
        there never is.

    Raises:
      UnsupportedStackError: there is no TensorFlow, or a checkpoint or its format is asked of one without Estimators.
      UsageError, UnreadableModelError, ExamplesError, DestinationError: an argument cannot be used.
      UnsafeModelError, UnsupportedModelError: the model may not, or cannot, be loaded as Keras.
      TransformGraphError, SchemaError: a feature does not fit the model's inputs.
      PlanError: `outputs` do not fit the model.
      ConversionError: the conversion failed.
      TargetError: the result cannot be made to fit the target, or would answer otherwise there.
      ParityError: the converted model answers differently. Nothing is published on any error.
    """
    wants = "no" if checkpoint is None else "needed" if checkpoint_needed else "perhaps"
    check_stack(checkpoint=wants == "needed", checkpoint_format=checkpoint_format)
    if target is not None:
        check_consumer(target, "target")
    check_options(receiver, tolerance, checkpoint_format, has_module=module_file is not None)
    spec = None if feature_spec is None else read_feature_spec(feature_spec)
    named = read_outputs(outputs, serving_default, receiver, has_transform=transform_graph is not None)
    assets = read_assets(assets_extra)
    place, checkpoint_place = place_of(destination), None if checkpoint is None else place_of(checkpoint)
    with Staging() as stage:
        source = _source(stage.trained_model(model))
        check_places(model, stage.named(str(source)), place, checkpoint_place, overwrite=overwrite)
        if source.is_dir():
            view = read_saved_model(source)
            refuse_broken(view)
            refuse_unsafe(view)
        refuse_at_sight(source, allow)
        graph = None if transform_graph is None else stage.path(transform_graph, "the Transform graph").resolve()
        described = None if schema is None else stage.path(schema, "the schema").resolve()
        # A Transform graph or schema that is none is worth no process.
        if graph is not None:
            TransformGraph(graph)
        if described is not None:
            read_schema(described)
        files = find_example_files(stage.examples(examples, natively=False))
        extra = fetch_assets(assets, stage)
        with publishing_both(place, checkpoint_place, overwrite) as (export, model_dir):
            request = Request(
                model=str(source),
                export=str(export),
                model_dir=str(model_dir),
                receiver=receiver,
                transform_graph=None if graph is None else str(graph),
                schema=None if described is None else str(described),
                examples=files,
                tolerance=tolerance,
                feature_spec=spec,
                module_file=None if module_file is None else os.fspath(module_file),
                allow=list(allow),
                outputs=named,
                serving_default=serving_default,
                checkpoint=wants,
                checkpoint_format=checkpoint_format,
                compare=compare,
            )
            result = stage.named(_converted(request))
            put_assets(extra, export)
            notes = (*result["notes"], *_fit(export, target, files))
            view = read_saved_model(export)
            has_checkpoint = checkpoint is not None and any(model_dir.iterdir())
    meta_graph = view.meta_graphs[0]
    return ConversionResult(
        path=place,
        checkpoint=checkpoint_place if has_checkpoint else None,
        way=result["way"],
        signatures=tuple(sorted(meta_graph.signatures)),
        fingerprint=view.fingerprint or "",
        tensorflow_version=meta_graph.tensorflow_version,
        parity=result["parity"],
        notes=notes,
    )


def _converted(request: Request) -> dict[str, Any]:
    """Run the conversion; what breaks `model_to_estimator` for a reason that nobody foresaw goes the other way."""
    try:
        return convert_in_process(request, _WORKER)
    except ConversionError as error:
        if request.way == BUILDER or request.checkpoint == "needed" or not has_estimators():
            raise
        for folder in (Path(request.export), Path(request.model_dir)):
            for path in folder.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        first = f"model_to_estimator failed: {_reason(error)}"
        try:
            result = convert_in_process(dataclasses.replace(request, way=BUILDER), _WORKER)
        except TfxSavedModelError as second:
            second.found = f"{second.found}\n{first}" if second.found else first
            raise second from error
        result["notes"] = [f"written by TF1's Builder: {first}", *result["notes"]]
        return result


def _reason(error: ConversionError) -> str:
    """Say in one line what failed: the last of what was found is the exception's own."""
    lines = [line.strip() for line in error.found.splitlines() if line.strip()]
    return "; ".join([error.message, *([f"{error.where}: {lines[-1]}"] if lines else [])])


def _fit(export: Path, target: str | None, examples: Sequence[str]) -> tuple[str, ...]:
    """Make the SavedModel fit its consumer; the checkpoint is the Estimator's, which goes on here."""
    if target is None:
        return ()
    view = read_saved_model(export)
    return fit_staged(export, view.tags, target, lambda: serialized_requests(view, examples))


def _source(path: Path) -> Path:
    """Return the SavedModel's directory or the Keras file at a local path.

    Raises:
      UnreadableModelError: there is none, or it is another form of model.
    """
    found = find_trained_model(path)
    if found.form in (SAVED_MODEL, KERAS_FILE):
        return found.path.resolve()
    raise UnreadableModelError(
        "not a Keras model",
        where=str(path),
        found=f"a {found.form}",
        wanted="a SavedModel or a Keras file with a whole model",
        next_step="build the model, load its weights, and save it with model.save",
    )
