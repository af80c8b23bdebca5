"""The KerasToEstimatorConverter executor: artifacts in, one conversion, artifacts out."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from absl import logging
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from tfx_savedmodel.artifacts.local import Artifacts, local_inputs, local_output
from tfx_savedmodel.artifacts.user_module import user_module
from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.operations.convert import convert
from tfx_savedmodel.operations.extra_assets import digests_of


class Executor(base_executor.BaseExecutor):
    """Runs `tfx_savedmodel.convert` on the artifacts and keeps its facts with them."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Write `estimator_model` under Format-Serving/ and the checkpoint into `estimator_checkpoint`.

        Custom properties of `estimator_model`: `way`, `signatures` (a JSON list), `fingerprint`,
        `tensorflow_version`, `parity` (the comparison as JSON) and `parity_max_difference`, the largest
        one, relative to the output's scale; of `estimator_checkpoint`: `written`, 1 or 0.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        model = artifact_utils.get_single_instance(output_dict["estimator_model"])
        run = artifact_utils.get_single_instance(output_dict["estimator_checkpoint"]) if _has(output_dict) else None
        options = json.loads(exec_properties["options"])
        _refuse_changed(options["assets_extra"], options.pop("assets_extra_sha256"))
        with contextlib.ExitStack() as stack:
            module_file = stack.enter_context(user_module(exec_properties))
            inputs = stack.enter_context(local_inputs(input_dict))
            destination = stack.enter_context(local_output(path_utils.serving_model_dir(model.uri)))
            checkpoint = None if run is None else stack.enter_context(local_output(run.uri))
            result = convert(
                inputs.model() or "",
                destination,
                receiver=exec_properties["receiver"],
                transform_graph=inputs.folder("transform_graph"),
                schema=inputs.only_file("schema"),
                examples=inputs.examples(),
                module_file=module_file,
                checkpoint=checkpoint,
                tolerance=exec_properties["tolerance"],
                target=exec_properties.get("target"),
                **options,
            )
            notes = inputs.stage.named(result.notes)
        for note in notes:
            logging.info("%s", note)
        model.set_string_custom_property("way", result.way)
        model.set_string_custom_property("signatures", json.dumps(list(result.signatures)))
        model.set_string_custom_property("fingerprint", result.fingerprint)
        model.set_string_custom_property("tensorflow_version", result.tensorflow_version)
        model.set_string_custom_property("parity", json.dumps(dict(result.parity)))
        model.set_float_custom_property("parity_max_difference", float(result.parity["max_relative_difference"]))
        if run is not None:
            run.set_int_custom_property("written", int(result.checkpoint is not None))


def _refuse_changed(extra: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    """TFX's cache knows the files by what they held when the pipeline was made."""
    found = digests_of(extra)
    for name, digest in wanted.items():
        if found[name] != digest:
            raise UsageError(
                "a file for assets.extra is another than when the pipeline was made",
                where=f"assets_extra: {name}",
                found=f"{extra[name]}, SHA-256 {found[name]}",
                wanted=f"SHA-256 {digest}",
                next_step="make the pipeline again",
            )


def _has(output_dict: Artifacts) -> bool:
    return bool(output_dict.get("estimator_checkpoint"))
