"""The steps of a conversion, in a process of its own: load, choose the way, write, name the outputs, compare."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import (
    ConversionError,
    ExamplesError,
    TfxSavedModelError,
    UnsupportedModelError,
    UsageError,
)
from tfx_savedmodel.estimators.conversion import convert_keras_model, forget_transform_graph
from tfx_savedmodel.estimators.features import FeaturePath
from tfx_savedmodel.estimators.grafting import put_before
from tfx_savedmodel.estimators.keras_model import Allowed, load_keras_model
from tfx_savedmodel.estimators.opened import open_model
from tfx_savedmodel.estimators.outputs import BASE, plan_of, refuse_unknown
from tfx_savedmodel.estimators.own_receiver import own_receiver_fn, save_receiver
from tfx_savedmodel.estimators.parity import Asked, Batch, batches_of_examples, check_parity, reference
from tfx_savedmodel.estimators.process import Request
from tfx_savedmodel.estimators.promises import Inputs, check_promises, inputs_of, inputs_of_own
from tfx_savedmodel.estimators.receivers import (
    DEFAULT,
    OWN,
    Received,
    ReceiverFunction,
    estimators_key,
    for_estimators,
    receiver_fn,
    signature_of,
    signatures_of,
)
from tfx_savedmodel.estimators.ways import BUILDER, MODEL_TO_ESTIMATOR, obstacle
from tfx_savedmodel.operations.conversion_judging import refuse_unsafe_function, refuse_unsafe_model
from tfx_savedmodel.operations.conversion_options import has_estimators
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.operations.forward_pass import forward_pass_as_tf1
from tfx_savedmodel.operations.materials import users
from tfx_savedmodel.operations.own_requests import own_batches
from tfx_savedmodel.saved_model.reader import CONTRACT_FILE, read_saved_model
from tfx_savedmodel.saved_model.rewrite import rename_signatures
from tfx_savedmodel.signatures.kinds import CLASSIFY, REGRESS
from tfx_savedmodel.sources.module_file import load_module
from tfx_savedmodel.sources.schema import read_schema
from tfx_savedmodel.sources.transform import TransformGraph

#: Where in the directory of the result everything is made that does not stay.
_WORK = ".conversion"

#: What to do where the Keras model answers and what was converted from it does not run.
_IF_IT_FAILS = {
    MODEL_TO_ESTIMATOR: "convert it without a checkpoint: TF1's Builder writes it then, and keeps what Estimators lose",
    BUILDER: "see whether tf.saved_model.save of the Keras model runs; if so, please report this",
}


class Conversion:
    """One conversion; the Keras model is loaded when this is made."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._source = Path(request.model)
        self._module = None if request.module_file is None else load_module(request.module_file)
        self._allowed = Allowed.of(request.allow, self._module)
        self._model = open_model(self._source, self._allowed, compiled=has_estimators())
        self._notes: list[str] = []
        self._is_built = False
        self._work = Path(request.export) / _WORK
        #: What a receiver of the author's own takes, once it was built.
        self._own: Inputs = {}

    def run(self) -> dict[str, Any]:
        """Convert the model and compare it with what its Keras form says; return the result as JSON."""
        request, export_to, work = self._request, Path(self._request.export), self._work
        refuse_unknown(request.outputs, self._model.output_names)
        way = self._way()
        self._is_built = way == BUILDER
        made = work / "model"
        made.mkdir(parents=True)
        # Keras refuses to run eagerly what it loaded, once an Estimator's graph was built from it; and a model with
        # state must not have been asked when the Builder writes it.
        if way == MODEL_TO_ESTIMATOR:
            batches = self._before()
            self._by_estimator(made)
            self._check(made)
        else:
            self._by_builder(made)
            self._check(made)
            batches = self._before()
        for child in self._named(made, work / "named").iterdir():
            child.rename(export_to / child.name)
        shutil.rmtree(work)
        asked = self._asked(export_to)
        parity: dict[str, Any] = {"source": "not compared", "examples": 0, "max_relative_difference": None}
        if request.compare:
            found = check_parity(
                export_to, asked, batches, request.tolerance, fresh=self._model.stateful, next_step=_IF_IT_FAILS[way]
            )
            parity = {"source": "given" if request.examples else "generated", **found}
        return {"way": way, "notes": self._notes, "parity": parity}

    def _way(self) -> str:
        reason = obstacle(self._model)
        if reason is not None and self._request.checkpoint == "needed":
            raise UnsupportedModelError(
                "there is no Estimator checkpoint of this model",
                where=str(self._source),
                found=reason,
                wanted="a functional or Sequential model without lookup tables, on a TensorFlow with tf.estimator",
                next_step="convert it without a checkpoint: the SavedModel can be had",
            )
        if reason is None and self._request.way != BUILDER:
            return MODEL_TO_ESTIMATOR
        if reason is not None:
            self._notes.append(f"written by TF1's Builder: {reason}")
        return BUILDER

    def _before(self) -> list[Batch]:
        """Return what the model is compared by, and its answers."""
        request = self._request
        if not request.compare:
            return []
        if self._is_own:
            assert self._module is not None
            saved = self._work / "receiver"
            save_receiver(self._receiver, saved)
            refuse_unsafe_model(saved, f"{self._module.where}, {request.receiver.removeprefix(OWN)}")
            return self._answered(own_batches(saved, list(self._own), request.examples))
        try:
            return self._answered(self._batches(whole=False))
        except ExamplesError:
            if request.examples or self._model.stateful:
                raise
            # Floats that are looked up in an embedding must be whole.
            return self._answered(self._batches(whole=True))

    def _batches(self, *, whole: bool) -> Iterator[Batch]:
        given = batches_of_examples(self._model.inputs, self._path, self._request.examples, whole=whole)
        return (Batch(serialized, features, {}) for serialized, features in given)

    def _answered(self, batches: Iterator[Batch]) -> list[Batch]:
        found = reference(self._model, batches, self._judge_traced)
        if not found:
            raise ExamplesError(
                "there is nothing to compare the models by",
                where=str(self._source),
                found="no batch of examples",
                wanted=f"{self._model.inputs[0].batch or 1} examples at least",
                next_step="give more examples",
            )
        return found

    def _judge_traced(self, graph_def: Any) -> None:
        """What the Builder wrote was judged with all that it runs; what Keras traces here was not."""
        folder = self._work / "traced"
        shutil.rmtree(folder, ignore_errors=True)
        refuse_unsafe_function(graph_def, folder, str(self._source))

    @property
    def _is_own(self) -> bool:
        return self._request.receiver.startswith(OWN)

    @functools.cached_property
    def _path(self) -> FeaturePath | None:
        request = self._request
        if request.receiver == "raw" and not request.transform_graph and not request.examples:
            return None
        return FeaturePath(self._model.inputs, request.transform_graph, request.schema, request.feature_spec)

    @functools.cached_property
    def _receiver(self) -> ReceiverFunction:
        request = self._request
        if not self._is_own:
            # The Builder has the forward pass itself for the raw signature.
            alone = request.receiver == "both" and self._is_built
            return receiver_fn("parsing" if alone else request.receiver, self._model.inputs, self._path)
        assert self._module is not None
        transform = None if request.transform_graph is None else TransformGraph(request.transform_graph)
        schema = None if request.schema is None else read_schema(request.schema)
        build = own_receiver_fn(request.receiver, self._module, self._model.inputs, users(transform, schema))

        def noted() -> Received:
            received = build()
            self._own = inputs_of_own(received)
            return received

        return noted

    def _by_estimator(self, made: Path) -> None:
        request = self._request

        def load() -> Any:
            # What was asked for its answers builds no graph any more.
            return load_keras_model(self._source, self._allowed) if request.compare else self._model.root

        self._notes += convert_keras_model(
            load, made, Path(request.model_dir), for_estimators(self._receiver), request.checkpoint_format
        )
        if request.transform_graph:
            forget_transform_graph(made, request.transform_graph)
        (meta_graph,) = read_saved_model(made).meta_graphs
        others = [key.removesuffix(estimators_key("")) for key in meta_graph.signatures if key != DEFAULT]
        if others:
            rename_signatures(made, {estimators_key(name): signature_of(name) for name in others})

    def _by_builder(self, made: Path) -> None:
        """Write the forward pass as TF1 does, and put the receiver before it."""
        request, model = self._request, self._model
        try:
            forward_pass_as_tf1(model, made)
        except TfxSavedModelError:
            raise
        except Exception as error:  # Keras and TensorFlow raise every kind while they trace
            raise ConversionError(
                "the model cannot be traced",
                where=str(self._source),
                found=f"{type(error).__name__}: {error}"[:2000],
                wanted="a model whose call TensorFlow can trace and save",
                next_step="see whether tf.saved_model.save takes the model",
            ) from error
        if request.receiver == "raw":
            return
        put_before(made, self._receiver, raw=signature_of("raw") if request.receiver == "both" else None)

    def _check(self, made: Path) -> None:
        """Nothing of it was run yet; it must be safe to, and have the signatures that were asked for."""
        refuse_unsafe_model(made, str(self._source))
        promised = self._own if self._is_own else inputs_of(self._request.receiver, self._model.inputs)
        (meta_graph,) = read_saved_model(made).meta_graphs
        check_promises(meta_graph.signatures, promised, self._model.output_names, str(self._source))

    def _named(self, made: Path, named: Path) -> Path:
        """Return the directory of the model with the author's outputs."""
        request = self._request
        if request.outputs:
            (meta_graph,) = read_saved_model(made).meta_graphs
            others = [key for key in meta_graph.signatures if key != DEFAULT]
            self._refuse_taken(others)
            rename_signatures(made, {DEFAULT: BASE})
            plan = plan_of(request.outputs, request.serving_default, others)
            export(made, named, plan=plan, transform_graph=request.transform_graph)
            made = named
        contract = made / CONTRACT_FILE
        contract.unlink(missing_ok=True)
        if contract.parent.is_dir() and not any(contract.parent.iterdir()):
            contract.parent.rmdir()
        return made

    def _refuse_taken(self, keys: list[str]) -> None:
        taken = sorted(set(keys) & set(self._request.outputs))
        if taken:
            raise UsageError(
                "an output has the key of a receiver's signature",
                where=f"outputs.{taken[0]}",
                found=f"{self._request.receiver!r}, whose signatures are {', '.join(keys)}",
                wanted="other keys",
                next_step="name the output, or the receiver's alternative, otherwise",
            )

    def _asked(self, written: Path) -> dict[str, str | Asked]:
        """Return how each signature that was written is asked."""
        request = self._request
        first = "own" if self._is_own else signatures_of(request.receiver)[DEFAULT]
        (meta_graph,) = read_saved_model(written).meta_graphs
        asked: dict[str, str | Asked] = {}
        for key, view in meta_graph.signatures.items():
            if key not in request.outputs and key != DEFAULT:
                asked[key] = Asked("own" if self._is_own else "raw", key)
                continue
            item = request.outputs.get(key) or request.outputs.get(request.serving_default or "") or {}
            outputs = {
                "classify": {name: item[name] for name in ("scores", "classes") if isinstance(item.get(name), str)},
                "regress": {"outputs": item.get("value")},
            }.get(item.get("kind", ""), item.get("outputs"))
            renamed = view.method_name in (CLASSIFY, REGRESS)
            asked[key] = Asked(first, DEFAULT, "inputs" if renamed else None, outputs)
        return asked
