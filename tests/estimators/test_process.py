from __future__ import annotations

from pathlib import Path

import pytest

from tfx_savedmodel.errors import ConversionError
from tfx_savedmodel.estimators.process import Request, convert_in_process

pytestmark = pytest.mark.unit


@pytest.fixture
def request_of_a_model(tmp_path: Path) -> Request:
    return Request(str(tmp_path / "model"), "export", "model_dir", "both", None, None, [], 1e-6)


def worker(folder: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    (folder / "a_worker.py").write_text(source)
    monkeypatch.setenv("PYTHONPATH", str(folder))


def test_a_crash_is_told_in_the_workers_own_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request_of_a_model: Request
) -> None:
    worker(tmp_path, monkeypatch, "raise RuntimeError('the optimizer went on strike')")
    with pytest.raises(ConversionError, match="the optimizer went on strike") as caught:
        convert_in_process(request_of_a_model, "a_worker")
    assert caught.value.where == request_of_a_model.model
    assert "exit code 1" in caught.value.found


def test_a_killed_worker_is_told_by_its_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request_of_a_model: Request
) -> None:
    worker(tmp_path, monkeypatch, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(ConversionError, match="killed by signal 9"):
        convert_in_process(request_of_a_model, "a_worker")


def test_a_worker_that_gives_no_answer_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request_of_a_model: Request
) -> None:
    worker(tmp_path, monkeypatch, "")
    with pytest.raises(ConversionError, match="could not be converted"):
        convert_in_process(request_of_a_model, "a_worker")
