"""Read an export as explainable-ai-sdk does; runs in its environment, without this package.

Prints as JSON what it makes of the metadata, and what its own builder makes of `xai_model`.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from explainable_ai_sdk.common import explain_metadata
from explainable_ai_sdk.metadata.tf.v2 import SavedModelMetadataBuilder
from explainable_ai_sdk.model import utils


def read(model: str) -> dict[str, Any]:
    metadata = explain_metadata.ExplainMetadata.from_file(f"{model}/explanation_metadata.json")
    explain_metadata.explain_metadata_instance_check(metadata)
    explain_metadata.validate_integrated_gradients(metadata)
    (output,) = metadata.output_tensor_names.values()
    builder = SavedModelMetadataBuilder(model, signature_name="xai_model", outputs_to_explain=[output])
    return {
        "again": metadata.to_dict(),
        "inputs": dict(metadata.input_tensor_names),
        "output": output,
        "groups": {each.name: each.group_name for each in metadata.inputs},
        "baselines": metadata.input_baselines,
        "modalities": utils.create_modality_inputs_map_from_metadata(metadata),
        "built": builder.get_metadata(),
    }


if __name__ == "__main__":
    # Standard output is TensorFlow's too: the answer goes to a file.
    with open(sys.argv[2], "w", encoding="utf-8") as answer:  # noqa: PTH123
        json.dump(read(sys.argv[1]), answer)
