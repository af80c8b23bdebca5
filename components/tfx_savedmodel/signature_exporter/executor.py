"""The SignatureExporter executor: artifacts in, one export, an artifact out."""

from __future__ import annotations

import json
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils

from tfx_savedmodel.operations.export import export

Artifacts = dict[str, list[types.Artifact]]


class Executor(base_executor.BaseExecutor):
    """Runs `tfx_savedmodel.export` on the artifacts and keeps its facts with them."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Write `exported_model` under Format-Serving/.

        Custom properties: `signatures` (a JSON list), `builder`, `fingerprint`, `tensorflow_version`.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        source = artifact_utils.get_single_instance(input_dict["model"])
        model = artifact_utils.get_single_instance(output_dict["exported_model"])
        result = export(
            path_utils.serving_model_path(source.uri, path_utils.is_old_model_artifact(source)),
            path_utils.serving_model_dir(model.uri),
            plan=exec_properties["plan"],
            transform_graph=_uri(input_dict, "transform_graph"),
            schema=io_utils.get_only_uri_in_dir(_uri(input_dict, "schema")) if input_dict.get("schema") else None,
        )
        model.set_string_custom_property("signatures", json.dumps(list(result.signatures)))
        model.set_string_custom_property("builder", result.builder)
        model.set_string_custom_property("fingerprint", result.fingerprint)
        model.set_string_custom_property("tensorflow_version", result.tensorflow_version)


def _uri(input_dict: Artifacts, key: str) -> str | None:
    return artifact_utils.get_single_uri(input_dict[key]) if input_dict.get(key) else None
