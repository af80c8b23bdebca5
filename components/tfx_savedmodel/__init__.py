"""TFX components that export, convert and validate SavedModels, and the plain functions under them.

Every name is loaded when it is first used, so that `import tfx_savedmodel` costs next to nothing
and works where TensorFlow, Beam or TFX is not installed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx_savedmodel.errors import TfxSavedModelError
    from tfx_savedmodel.keras_to_estimator_converter.component import KerasToEstimatorConverter
    from tfx_savedmodel.operations.convert import convert
    from tfx_savedmodel.operations.diff import diff
    from tfx_savedmodel.operations.export import export
    from tfx_savedmodel.operations.inspect import inspect
    from tfx_savedmodel.operations.validate import validate
    from tfx_savedmodel.saved_model_validator.artifacts import ValidationReport
    from tfx_savedmodel.saved_model_validator.component import SavedModelValidator
    from tfx_savedmodel.signature_exporter.component import SignatureExporter
    from tfx_savedmodel.signatures.plan import Alias, Model, Plan, Preprocess, ServeExamples, ServeFeatures
    from tfx_savedmodel.validation.policy import Policy
    from tfx_savedmodel.validation.result import Finding, Report
    from tfx_savedmodel.versions import __version__

__all__ = [
    "Alias",
    "Finding",
    "KerasToEstimatorConverter",
    "Model",
    "Plan",
    "Policy",
    "Preprocess",
    "Report",
    "SavedModelValidator",
    "ServeExamples",
    "ServeFeatures",
    "SignatureExporter",
    "TfxSavedModelError",
    "ValidationReport",
    "__version__",
    "convert",
    "diff",
    "export",
    "inspect",
    "validate",
]

_HOMES = {
    "Alias": "signatures.plan",
    "Finding": "validation.result",
    "KerasToEstimatorConverter": "keras_to_estimator_converter.component",
    "Model": "signatures.plan",
    "Plan": "signatures.plan",
    "Policy": "validation.policy",
    "Preprocess": "signatures.plan",
    "Report": "validation.result",
    "SavedModelValidator": "saved_model_validator.component",
    "ServeExamples": "signatures.plan",
    "ServeFeatures": "signatures.plan",
    "SignatureExporter": "signature_exporter.component",
    "TfxSavedModelError": "errors",
    "ValidationReport": "saved_model_validator.artifacts",
    "__version__": "versions",
    "convert": "operations.convert",
    "diff": "operations.diff",
    "export": "operations.export",
    "inspect": "operations.inspect",
    "validate": "operations.validate",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
