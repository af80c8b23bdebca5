"""The KerasToEstimatorConverter executor: artifacts in, one conversion, artifacts out."""

from __future__ import annotations

import json
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils

from tfx_savedmodel.operations.convert import convert

Artifacts = dict[str, list[types.Artifact]]


class Executor(base_executor.BaseExecutor):
    """Runs `tfx_savedmodel.convert` on the artifacts and keeps its facts with them."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Write `estimator_model` under Format-Serving/ and the checkpoint into `estimator_checkpoint`.

        Custom properties of `estimator_model`: `way`, `signatures` (a JSON list), `fingerprint`,
        `tensorflow_version`, `parity` (the comparison as JSON) and `parity_max_difference`, the largest
        one, relative to the output's scale.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        source = artifact_utils.get_single_instance(input_dict["model"])
        model = artifact_utils.get_single_instance(output_dict["estimator_model"])
        result = convert(
            path_utils.serving_model_path(source.uri, path_utils.is_old_model_artifact(source)),
            path_utils.serving_model_dir(model.uri),
            receiver=exec_properties["receiver"],
            transform_graph=_uri(input_dict, "transform_graph"),
            schema=io_utils.get_only_uri_in_dir(_uri(input_dict, "schema")) if input_dict.get("schema") else None,
            examples=_example_patterns(input_dict.get("examples", [])),
            checkpoint=artifact_utils.get_single_uri(output_dict["estimator_checkpoint"]),
            tolerance=exec_properties["tolerance"],
        )
        model.set_string_custom_property("way", result.way)
        model.set_string_custom_property("signatures", json.dumps(list(result.signatures)))
        model.set_string_custom_property("fingerprint", result.fingerprint)
        model.set_string_custom_property("tensorflow_version", result.tensorflow_version)
        model.set_string_custom_property("parity", json.dumps(dict(result.parity)))
        model.set_float_custom_property("parity_max_difference", float(result.parity["max_relative_difference"]))


def _uri(input_dict: Artifacts, key: str) -> str | None:
    return artifact_utils.get_single_uri(input_dict[key]) if input_dict.get(key) else None


def _example_patterns(examples: list[types.Artifact]) -> list[str]:
    return [
        io_utils.all_files_pattern(artifact_utils.get_split_uri([artifact], split))
        for artifact in examples
        for split in artifact_utils.decode_split_names(artifact.split_names)
    ]
