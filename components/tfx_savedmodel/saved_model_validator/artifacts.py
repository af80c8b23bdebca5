"""The artifact that SavedModelValidator writes beside its blessing."""

from __future__ import annotations

from tfx.types import artifact


class ValidationReport(artifact.Artifact):
    """`report.json` and `report.html` of one validation.

    Custom properties: `verdict`, and the number of checks by theirs: `checks_pass`, `checks_fail`,
    `checks_skip`, `checks_error`. Declared properties would not compile for Kubeflow v2.
    """

    TYPE_NAME = "tfx_savedmodel.ValidationReport"
