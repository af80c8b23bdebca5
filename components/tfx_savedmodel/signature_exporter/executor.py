"""The SignatureExporter executor: artifacts in, one export, an artifact out."""

from __future__ import annotations

import json
from typing import Any

from absl import logging
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from tfx_savedmodel.artifacts.local import Artifacts, LocalInputs, local_inputs, local_output
from tfx_savedmodel.artifacts.user_module import user_module
from tfx_savedmodel.operations.export import export


class Executor(base_executor.BaseExecutor):
    """Runs `tfx_savedmodel.export` on the artifacts and keeps its facts with them."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Write `exported_model` under Format-Serving/.

        Custom properties: `signatures` (a JSON list), `builder`, `fingerprint`, `tensorflow_version`.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        model = artifact_utils.get_single_instance(output_dict["exported_model"])
        with (
            user_module(exec_properties) as module_file,
            local_inputs(input_dict) as inputs,
            local_output(path_utils.serving_model_dir(model.uri)) as destination,
        ):
            result = export(
                inputs.model() or "",
                destination,
                plan=_plan(exec_properties["plan"], inputs),
                transform_graph=inputs.folder("transform_graph"),
                schema=inputs.only_file("schema"),
                statistics=inputs.folder("statistics"),
                examples=inputs.examples(),
                module_file=module_file,
            )
            notes = inputs.stage.named(result.notes)
        for note in notes:
            logging.info("%s", note)
        model.set_string_custom_property("signatures", json.dumps(list(result.signatures)))
        model.set_string_custom_property("builder", result.builder)
        model.set_string_custom_property("fingerprint", result.fingerprint)
        model.set_string_custom_property("tensorflow_version", result.tensorflow_version)


def _plan(text: str, inputs: LocalInputs) -> dict[str, Any]:
    """Return the plan with the graph that it names brought here by TFX's own means of reading."""
    plan: dict[str, Any] = json.loads(text)
    graph = plan.get("source", {}).get("graph")
    if graph is not None:
        plan["source"]["graph"] = str(inputs.stage.path(graph, "the plan's source.graph"))
    return plan
