"""`context.show(validator.outputs["report"])` in a notebook: the report's page, in a frame of its own."""

from __future__ import annotations

import html

from tfx import types
from tfx.dsl.io import fileio
from tfx.orchestration.experimental.interactive import visualizations

from tfx_savedmodel.operations.reports import embed_page
from tfx_savedmodel.saved_model_validator.artifacts import ValidationReport

_PAGE = "report.html"


class ValidationReportVisualization(visualizations.ArtifactVisualization):
    """Shows a `ValidationReport` where TFX's InteractiveContext shows artifacts."""

    ARTIFACT_TYPE = ValidationReport

    def display(self, artifact: types.Artifact) -> None:
        """Show the page; where there is none, say so and where it was looked for."""
        from IPython.display import HTML, display

        path = f"{artifact.uri}/{_PAGE}"
        if not fileio.exists(path):
            display(HTML(f"<p>no {_PAGE} in {html.escape(artifact.uri)}: run the validator first</p>"))
            return
        with fileio.open(path, "rb") as file:
            page = file.read().decode("utf-8")
        display(HTML(embed_page(page, artifact.uri)))


def register() -> None:
    """Make TFX's registry of visualizations know ours; twice is as good as once."""
    visualizations.get_registry().register(ValidationReportVisualization)
