"""Every benchmark says its figures, their limits and the verdict, and its exit code is the verdict."""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.unit

BENCHMARKS = ROOT / "benchmarks"
NAMES = sorted(path.stem for path in BENCHMARKS.glob("*.py"))


@pytest.fixture(autouse=True)
def beside_the_scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`python benchmarks/x.py` finds what lies beside it."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    for name in ("judging", "making"):
        sys.modules.pop(name, None)


def script(name: str) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", BENCHMARKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def startup(module: types.ModuleType, slower: float) -> dict[str, Any]:
    times = {name: [0.9 * slower] for name in (module.INSPECT, module.GRAPH, module.LOAD, module.LARGE)}
    made = types.SimpleNamespace(run=lambda *_, **__: None)  # the process that makes the model
    return {"measure": {**times, module.REFERENCE: [10.0]}, "subprocess": made}


def trace_export(module: types.ModuleType, slower: float) -> dict[str, Any]:
    return {
        "make_model": None,
        "ways": {},
        "measure": {"8": [1.0 * slower], "8 tf": [1.0], "16": [1.5], "16 tf": [1.5]},
    }


def stretch(seconds: float, examples: int = 1000) -> Any:
    return importlib.import_module("making").Stretch(10.0, 10.0 + seconds, 1.0, 1.0 + seconds, examples)


def timed(seconds: float) -> Any:
    return importlib.import_module("making").Timed(stretch(seconds), seconds + 0.5, 0.5, 1000)


def examples_throughput(module: types.ModuleType, slower: float) -> dict[str, Any]:
    found = {
        "bare, small": [stretch(2.0), stretch(9.0)],
        "bare, large": [stretch(1.0), stretch(9.0)],
        module.CHECKS: [timed(9.0), timed(1.1 * slower)],
        module.INFERENCE: [12_000.0, 11_000.0],  # the default's 200,000 examples
    }
    return {"measure": lambda *_: (found, {"looking": 1.0, "running": 1.5}), "parts_of_start": {"import": 3.0}}


def examples_workers(module: types.ModuleType, slower: float) -> dict[str, Any]:
    return {"measure": {module.ONE: [stretch(2.0)], module.TWO: [stretch(1.1 * slower)]}}


def examples_growth(module: types.ModuleType, slower: float) -> dict[str, Any]:
    return {"measure": {module.FEW: [(1.0, 1.0, 900.0)], module.MANY: [(1.05 * slower, 1.0, 910.0 * slower)]}}


def examples_signatures(module: types.ModuleType, slower: float) -> dict[str, Any]:
    best = {module.ALONE: stretch(2.0, 2000), module.CHECKED: stretch(1.1 * slower), module.ONE: stretch(0.3)}
    return {"measure": lambda *_: best, "write_examples": lambda *_: ""}


def rewrite_export(module: types.ModuleType, slower: float) -> dict[str, Any]:
    times = iter(
        [
            {module.LOAD_AND_SAVE: [1.0], "an alias": [0.005 * slower]},
            {module.LOAD_AND_SAVE: [1.0], "export": [0.1 * slower]},
        ]
    )
    grown = {module.LOAD_AND_SAVE: (1.0, 900.0), "an alias": (1.0, 2.0)}
    return {
        "make_model": lambda directory, _: directory,
        "in_process": {},
        "whole_processes": {},
        "measure": lambda *_: next(times),
        "measure_memory": grown,
    }


def convert(module: types.ModuleType, slower: float) -> dict[str, Any]:
    runs = {module.BARE: [(10.0, 500.0)], module.WITHOUT: [(11.0 * slower, 550.0)], module.WITH: [(50.0, 900.0)]}
    return {"make_model": "model", "measure": runs}


def scanners(module: types.ModuleType, slower: float) -> dict[str, Any]:
    probes = {"/a": ("writes", True), "/b": ("reads", True), "/c": ("adds", False)}
    hits = {"/a", "/b"} if slower == 1.0 else {"/a", "/c"}
    return {"make_probes": probes, "SCANS": types.SimpleNamespace(items=lambda: [(module.OURS, lambda _: hits)])}


MEASURED = {
    each.__name__: each
    for each in (
        startup,
        trace_export,
        examples_throughput,
        examples_workers,
        examples_growth,
        examples_signatures,
        rewrite_export,
        convert,
        scanners,
    )
}


def run(monkeypatch: pytest.MonkeyPatch, name: str, fakes: dict[str, Any], module: types.ModuleType) -> Any:
    for target, answer in fakes.items():
        is_used_as_it_is = callable(answer) or isinstance(answer, types.SimpleNamespace)
        fake = answer if is_used_as_it_is else lambda *_, answer=answer, **__: answer
        monkeypatch.setattr(module, target, fake)
    monkeypatch.setattr(sys, "argv", [name])
    with pytest.raises(SystemExit) as ended:
        module.main()
    return ended.value.code


def test_each_benchmark_is_tried_here() -> None:
    assert sorted(MEASURED) == NAMES


@pytest.mark.parametrize(("slower", "code"), [(1.0, 0), (10.0, 1)])
@pytest.mark.parametrize("name", NAMES)
def test_the_exit_code_is_the_verdict(
    name: str, slower: float, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = script(name)
    assert run(monkeypatch, name, MEASURED[name](module, slower), module) == code
    lines = capsys.readouterr().out.splitlines()
    judged = [line for line in lines if " at most " in line or " at least " in line]
    assert judged
    assert all(line.endswith(" met") for line in judged)
    assert any(line.endswith(" NOT met") for line in judged) == bool(code)
    assert lines[-1].startswith("NOT met: ") if code else lines[-1] == "met"


def test_a_peak_that_grows_with_the_model_is_not_met(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = script("rewrite_export")
    fakes = rewrite_export(module, 1.0)
    fakes["measure_memory"]["an alias"] = (1.0, 801.0)
    assert run(monkeypatch, "rewrite_export", fakes, module) == 1
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.endswith(" NOT met")]
    assert "peak memory, an alias" in line
    assert "800 MB  at most 8 MB" in line


def test_limits(capsys: pytest.CaptureFixture[str]) -> None:
    from judging import Figure, judge

    assert [judge([Figure("f", value, 2.0)]) for value in (1.0, 2.0, 2.1, float("nan"))] == [0, 0, 1, 1]
    assert [judge([Figure("f", value, 2.0, at_least=True)]) for value in (3.0, 2.0, 1.9, float("nan"))] == [0, 0, 1, 1]
    capsys.readouterr()
    assert judge([Figure("good", 1.0, 2.0), Figure("bad", 3.0, 2.0, " MB")]) == 1
    good, bad, verdict = (line.split() for line in capsys.readouterr().out.splitlines())
    assert good == "good 1 at most 2 met".split()
    assert bad == "bad 3 MB at most 2 MB NOT met".split()
    assert verdict == "NOT met: 1 of 2".split()


def test_nothing_measured_is_never_met(capsys: pytest.CaptureFixture[str]) -> None:
    from judging import judge

    assert judge([]) == 1
    assert capsys.readouterr().out == "NOT met: nothing was measured\n"
