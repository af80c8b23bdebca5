"""What TFX's InteractiveContext shows of a report, through TFX's own registry."""

from __future__ import annotations

import html
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import require_module
from tests.report import samples
from tfx_savedmodel.operations.reports import write_reports

pytestmark = pytest.mark.tfx


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was given to the notebook's display, in order."""
    found: list[Any] = []
    monkeypatch.setattr(require_module("IPython.display", "make install"), "display", found.append)
    return found


def _show(uri: Path) -> None:
    from tfx.orchestration.experimental.interactive import visualizations

    from tfx_savedmodel import SavedModelValidator, ValidationReport

    assert SavedModelValidator.SPEC_CLASS.OUTPUTS["report"].type is ValidationReport
    visualization = visualizations.get_registry().get_visualization(ValidationReport.TYPE_NAME)
    artifact = ValidationReport()
    artifact.uri = str(uri)
    visualization.display(artifact)


@pytest.mark.filterwarnings("error:Consider using IPython")
def test_the_page_is_shown_in_a_frame(tmp_path: Path, shown: list[Any]) -> None:
    page = write_reports(samples.hostile(), tmp_path).html

    _show(tmp_path)

    (output,) = shown
    assert output.data.startswith("<div><iframe ")
    own, _, frame = output.data.partition('srcdoc="')
    assert "<script" not in output.data
    assert html.unescape(frame).startswith(Path(page).read_text(encoding="utf-8")[:1000])
    assert 'sandbox=""' in own


def test_a_report_that_is_not_there_is_told(tmp_path: Path, shown: list[Any]) -> None:
    _show(tmp_path / "<b>")

    (output,) = shown
    assert "no report.html in" in output.data
    assert "&lt;b&gt;" in output.data


def test_importing_the_component_registers_it_and_the_package_alone_does_not_load_tfx() -> None:
    code = (
        "import sys, tfx_savedmodel\n"
        "assert 'tfx' not in sys.modules\n"
        "tfx_savedmodel.SavedModelValidator\n"
        "from tfx.orchestration.experimental.interactive import visualizations\n"
        "assert visualizations.get_registry().get_visualization('tfx_savedmodel.ValidationReport')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
