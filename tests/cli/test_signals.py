"""What the command line leaves behind when it is asked to end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.estimators.test_at_sight import keras_zip

pytestmark = pytest.mark.tf

LONGEST = 60.0
DENSE = {"module": "keras.layers", "class_name": "Dense", "config": {"name": "d", "units": 1}, "registered_name": None}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=str)
def test_a_conversion_that_is_asked_to_end_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    model = keras_zip(tmp_path, DENSE)
    temporary, results = tmp_path / "tmp", tmp_path / "results"
    temporary.mkdir()
    results.mkdir()
    command = [sys.executable, "-m", "tfx_savedmodel.cli.main", "to-estimator", str(model), str(results / "out")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "components"), "TMPDIR": str(temporary)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, start_new_session=True) as process:
        while not list(temporary.glob("*/stderr.txt")):  # its process is about to be started
            with contextlib.suppress(subprocess.TimeoutExpired):
                pytest.fail(f"it ended by itself: {process.wait(0.01)}")
        assert list(results.iterdir()) != []
        process.send_signal(number)
        if number != signal.SIGINT:
            process.send_signal(number)  # as `timeout` does
        assert process.wait(LONGEST) == (2 if number == signal.SIGINT else 128 + number)
    assert list(results.iterdir()) == []
    assert list(temporary.iterdir()) == []
