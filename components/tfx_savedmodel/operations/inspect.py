"""`inspect`: what a SavedModel is, without loading it."""

from __future__ import annotations

import os
from typing import Any

from tfx_savedmodel.saved_model.facts import model_facts
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.remote import WEIGHTS, Staging


def inspect(model: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the facts of a SavedModel as JSON-like data; neither loads nor runs it.

    Args:
      model: a SavedModel directory or a TFX Model artifact's; of a remote one the weights are not fetched.

    Returns:
      `uri`, `format`, `fault` (None, or why the graph cannot be read), `fingerprint` (SHA-256 over
      graph, variables index and assets), `tensorflow_version`, `meta_graphs` (tags, signatures with
      dtypes and shapes, counts of nodes, functions and ops, init ops, assets), `variables` (count,
      parameters, bytes), `sizes` in bytes, `keras_metadata`, `explanation`.

    Raises:
      UnreadableModelError: there is no SavedModel at `model`.
      UsageError: a remote path that cannot be fetched.
    """
    with Staging() as stage:
        return stage.named(model_facts(read_saved_model(stage.model(model, hollow=WEIGHTS))))
