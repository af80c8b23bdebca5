"""SM120 and SM121 find each harmful probe, by `untrusted` and by every other policy, and let each benign one pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.probes.keras_files import KERAS_MODELS
from tests.probes.probe import Probe
from tests.probes.saved_models import SAVED_MODELS, TARGET
from tfx_savedmodel.operations.validate import validate
from tfx_savedmodel.validation.result import CheckVerdict, Verdict

pytestmark = pytest.mark.tf

PROBES = (*SAVED_MODELS, *KERAS_MODELS)


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_harm_is_found_and_nothing_else(tmp_path: Path, probe: Probe) -> None:
    model = probe.make(tmp_path / "probe")
    for policy in ("untrusted", "default"):
        report = validate(model, policy=policy, select=["SM101", "SM120", "SM121"])
        failed = [check.code for check in report.checks if check.verdict is CheckVerdict.FAIL]
        assert failed == ([probe.code] if probe.is_harmful else [])
        assert (report.verdict is Verdict.BLESSED) is not probe.is_harmful
    assert not Path(TARGET).exists()


def test_nothing_harmful_is_loaded(tmp_path: Path) -> None:
    for probe in (PROBES[0], next(probe for probe in PROBES if probe.code == "SM121")):
        report = validate(probe.make(tmp_path / probe.code), select=["SM2"])
        assert {check.verdict for check in report.checks} == {CheckVerdict.SKIP}
        assert report.verdict is not Verdict.BLESSED
