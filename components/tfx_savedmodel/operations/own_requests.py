"""Requests for a receiver of the author's own, and the features that it makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.errors import ConversionError, ExamplesError
from tfx_savedmodel.estimators.parity import MAX_EXAMPLES, Batch
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.session import ServingSession
from tfx_savedmodel.saved_model.view import MetaGraphView, SignatureView
from tfx_savedmodel.sources.examples import read_batches
from tfx_savedmodel.validation.check import Skip
from tfx_savedmodel.validation.loading.requests import made_up_requests

if TYPE_CHECKING:
    import numpy as np

    Arrays = dict[str, np.ndarray[Any, Any]]

_BATCH = 32


def own_batches(receiver: Path, keys: Sequence[str], files: Sequence[str]) -> Iterator[Batch]:
    """Yield requests for the signatures of a receiver, a SavedModel of its own, with the features that it makes.

    Serialized examples of `files` go to the signatures that take one string a request, made-up requests to the rest.

    Raises:
      ConversionError: no request can be made up for a signature.
      ExamplesError: the receiver cannot take an example.
    """
    (meta_graph,) = read_saved_model(receiver).meta_graphs
    with ServingSession(receiver) as session:
        for key in keys:
            signature = meta_graph.signatures[key]
            takes = _takes_examples(signature)
            requests = _of_files(signature, files) if files and takes else _made_up(meta_graph, signature)
            for request in requests:
                try:
                    features = session.run(key, request)
                except Exception as error:
                    raise ExamplesError(
                        "the receiver cannot take a request",
                        where=f"signature {key!r}",
                        found=f"{type(error).__name__}: {error}"[:2000],
                        wanted="requests that the module's receiver parses",
                        next_step="give examples as the model was trained on",
                    ) from error
                if _size(features):
                    yield Batch(None, features, {}, {key: request})


def _size(features: Arrays) -> int:
    array = next(iter(features.values()))
    return len(array) if array.ndim else 1


def _takes_examples(signature: SignatureView) -> bool:
    specs = list(signature.inputs.values())
    return len(specs) == 1 and specs[0].dtype == "string" and specs[0].shape is not None and len(specs[0].shape) == 1


def _of_files(signature: SignatureView, files: Sequence[str]) -> Iterator[Arrays]:
    (name,) = signature.inputs
    for serialized in read_batches(list(files), batch=_BATCH, limit=MAX_EXAMPLES):
        yield {name: serialized}


def _made_up(meta_graph: MetaGraphView, signature: SignatureView) -> list[Arrays]:
    try:
        return made_up_requests(meta_graph, signature)
    except Skip as skip:
        raise ConversionError(
            "no request can be made up for the module's receiver",
            where=f"signature {signature.key!r}",
            found=str(skip),
            wanted="examples to compare the models by",
            next_step="give --examples",
        ) from skip
