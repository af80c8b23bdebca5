"""TFX components that export, convert and validate SavedModels, and the plain functions under them.

Every name is loaded when it is first used, so that `import tfx_savedmodel` costs next to nothing
and works where TensorFlow, Beam or TFX is not installed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx_savedmodel.errors import TargetError, TfxSavedModelError
    from tfx_savedmodel.keras_to_estimator_converter.component import KerasToEstimatorConverter
    from tfx_savedmodel.operations.convert import convert
    from tfx_savedmodel.operations.diff import diff
    from tfx_savedmodel.operations.export import export
    from tfx_savedmodel.operations.inspect import inspect
    from tfx_savedmodel.operations.validate import validate
    from tfx_savedmodel.saved_model_validator.artifacts import ValidationReport
    from tfx_savedmodel.saved_model_validator.component import SavedModelValidator
    from tfx_savedmodel.signature_exporter.component import SignatureExporter
    from tfx_savedmodel.signatures.kinds import (
        Alias,
        Classes,
        Classify,
        Function,
        Model,
        Module,
        Preprocess,
        Regress,
        ServeExamples,
        ServeFeatures,
        Tensors,
        TensorSpec,
    )
    from tfx_savedmodel.signatures.options import Explanation, SaveOptions, Source, Warmup
    from tfx_savedmodel.signatures.plan import Plan
    from tfx_savedmodel.validation.policy import Policy
    from tfx_savedmodel.validation.result import Finding, Report
    from tfx_savedmodel.versions import __version__

__all__ = [
    "Alias",
    "Classes",
    "Classify",
    "Explanation",
    "Finding",
    "Function",
    "KerasToEstimatorConverter",
    "Model",
    "Module",
    "Plan",
    "Policy",
    "Preprocess",
    "Regress",
    "Report",
    "SaveOptions",
    "SavedModelValidator",
    "ServeExamples",
    "ServeFeatures",
    "SignatureExporter",
    "Source",
    "TargetError",
    "TensorSpec",
    "Tensors",
    "TfxSavedModelError",
    "ValidationReport",
    "Warmup",
    "__version__",
    "convert",
    "diff",
    "export",
    "inspect",
    "validate",
]

_HOMES = {
    "Alias": "signatures.kinds",
    "Classes": "signatures.kinds",
    "Classify": "signatures.kinds",
    "Explanation": "signatures.options",
    "Finding": "validation.result",
    "Function": "signatures.kinds",
    "KerasToEstimatorConverter": "keras_to_estimator_converter.component",
    "Model": "signatures.kinds",
    "Module": "signatures.kinds",
    "Plan": "signatures.plan",
    "Policy": "validation.policy",
    "Preprocess": "signatures.kinds",
    "Regress": "signatures.kinds",
    "Report": "validation.result",
    "SaveOptions": "signatures.options",
    "SavedModelValidator": "saved_model_validator.component",
    "ServeExamples": "signatures.kinds",
    "ServeFeatures": "signatures.kinds",
    "SignatureExporter": "signature_exporter.component",
    "Source": "signatures.options",
    "TargetError": "errors",
    "TensorSpec": "signatures.kinds",
    "Tensors": "signatures.kinds",
    "TfxSavedModelError": "errors",
    "ValidationReport": "saved_model_validator.artifacts",
    "Warmup": "signatures.options",
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
    try:
        value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    except ModuleNotFoundError as error:
        if error.name != "tfx":
            raise
        raise ModuleNotFoundError(
            f"TFX is not installed, and {__name__}.{name} wants it\n"
            "  next: install tfx-savedmodel[tfx], with `uv pip install`: pip's resolver does not finish on TFX",
            name=error.name,
            path=error.path,
        ) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
