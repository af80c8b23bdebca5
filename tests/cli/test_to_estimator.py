"""What `to-estimator` passes on, and what it says of the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tfx_savedmodel.cli.main import run
from tfx_savedmodel.errors import ParityError, UnsupportedStackError
from tfx_savedmodel.operations import convert as operation

pytestmark = pytest.mark.unit

PARITY = {"examples": 96, "source": "generated", "max_relative_difference": 2e-7}


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def convert(model: str, destination: str, **arguments: Any) -> operation.ConversionResult:
        found.update(model=model, destination=destination, **arguments)
        result = operation.ConversionResult
        return result(Path("D"), None, "builder", ("serve_raw", "serving_default"), "", "2.15", PARITY, ("a note",))

    monkeypatch.setattr(operation, "convert", convert)
    return found


def test_every_option_reaches_the_operation(called: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    words = "--receiver module:make --module m.py --allow A --allow B --outputs o.json --serving-default c"
    words += " --assets-extra n.txt=x/n.txt --checkpoint C --checkpoint-format saver --tolerance 0.1 --target tf-1.15"
    words += (
        " --feature-spec f.json --schema S --transform-graph T --examples a* --examples b* --no-compare --overwrite"
    )
    assert run(["to-estimator", "M", "D", *words.split()]) == 0
    assert called == {
        "model": "M",
        "destination": "D",
        "receiver": "module:make",
        "module_file": "m.py",
        "allow": ("A", "B"),
        "outputs": "o.json",
        "serving_default": "c",
        "assets_extra": {"n.txt": "x/n.txt"},
        "checkpoint": "C",
        "checkpoint_format": "saver",
        "tolerance": 0.1,
        "target": "tf-1.15",
        "feature_spec": "f.json",
        "schema": "S",
        "transform_graph": "T",
        "examples": ("a*", "b*"),
        "compare": False,
        "overwrite": True,
    }
    printed = capsys.readouterr()
    assert "serve_raw, serving_default (way builder)" in printed.out and "2e-07" in printed.out
    assert "a note" in printed.err


@pytest.mark.parametrize(("error", "code"), [(ParityError("apart"), 1), (UnsupportedStackError("none"), 2)], ids=str)
def test_errors_have_their_exit_codes(error: Exception, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def convert(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(operation, "convert", convert)
    assert run(["to-estimator", "M", "D"]) == code
    assert run(["to-estimator", "M", "D", "--assets-extra", "x"]) == 4
