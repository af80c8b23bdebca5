"""The KerasToEstimatorConverter executor: artifacts in, one conversion, artifacts out."""

from __future__ import annotations

import json
from typing import Any

from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from tfx_savedmodel.artifacts.local import Artifacts, local_inputs, local_output
from tfx_savedmodel.operations.convert import convert


class Executor(base_executor.BaseExecutor):
    """Runs `tfx_savedmodel.convert` on the artifacts and keeps its facts with them."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Write `estimator_model` under Format-Serving/ and the checkpoint into `estimator_checkpoint`.

        Custom properties of `estimator_model`: `way`, `signatures` (a JSON list), `fingerprint`,
        `tensorflow_version`, `parity` (the comparison as JSON) and `parity_max_difference`, the largest
        one, relative to the output's scale.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        model = artifact_utils.get_single_instance(output_dict["estimator_model"])
        checkpoint_uri = artifact_utils.get_single_uri(output_dict["estimator_checkpoint"])
        with (
            local_inputs(input_dict) as inputs,
            local_output(path_utils.serving_model_dir(model.uri)) as destination,
            local_output(checkpoint_uri) as checkpoint,
        ):
            result = convert(
                inputs.model() or "",
                destination,
                receiver=exec_properties["receiver"],
                transform_graph=inputs.folder("transform_graph"),
                schema=inputs.only_file("schema"),
                examples=inputs.examples(),
                checkpoint=checkpoint,
                tolerance=exec_properties["tolerance"],
                target=exec_properties.get("target"),
            )
        model.set_string_custom_property("way", result.way)
        model.set_string_custom_property("signatures", json.dumps(list(result.signatures)))
        model.set_string_custom_property("fingerprint", result.fingerprint)
        model.set_string_custom_property("tensorflow_version", result.tensorflow_version)
        model.set_string_custom_property("parity", json.dumps(dict(result.parity)))
        model.set_float_custom_property("parity_max_difference", float(result.parity["max_relative_difference"]))
