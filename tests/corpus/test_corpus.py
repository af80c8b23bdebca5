"""Third-party models: no traceback, no ERROR, and the loaders say what was recorded of them.

`make test` takes a fixed sample through the loaders, `make test-full` all of them. What is exported
again of them is in test_reexport.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import corpus_index
from tfx_savedmodel.operations.validate import Policy, Report, validate
from tfx_savedmodel.saved_model.locate import find_saved_model
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.validation.loading.observe import LoaderHost
from tfx_savedmodel.validation.policy import Limits
from tfx_savedmodel.validation.result import CheckVerdict, Verdict

pytestmark = pytest.mark.tf

RECORDED_ON = "2.15."
BEFORE_SAVED_MODEL = "SessionBundle"

#: One of each kind: TF1 and TF2, tables, Estimator, a loader that refuses, pinned, custom op, broken.
SAMPLE = frozenset(
    {
        "hub__saved_model_v2_mini",
        "kafka__tf_census",
        "mlnet__model_types_test",
        "sts__custom_op_zero_out",
        "sts__estimator_model",
        "tf1__session_bundle_saved_model_half_plus_two",
        "tf__StaticHashTableModule",
        "tf__UninitializedVariable",
        "tf__fuzz_generated_bad_node_attr",
        "tf__half_plus_two",
        "tf__half_plus_two_pbtxt",
        "tf__half_plus_two_v2",
        "tfjs__module_with_multiple_signatures",
        "tfx__bench_tft",
        "tfx__taxi_keras",
    }
)

ENTRIES = [entry for entry in corpus_index() if entry["format"].startswith("SavedModel")]
LOADABLE = [entry for entry in ENTRIES if entry["category"] != "malicious"]


def name(entry: dict[str, Any]) -> str:
    return str(entry["name"])


def loaded_fine(entry: dict[str, Any], loader: str) -> bool:
    recorded = entry["loads_tf_2_15"][loader]
    return bool(recorded and recorded["ok"])


def errors(report: Report) -> list[str]:
    return [f"{check.code}: {check.reason}" for check in report.checks if check.verdict is CheckVerdict.ERROR]


@pytest.fixture(scope="module")
def host() -> Iterator[LoaderHost]:
    with LoaderHost() as running:
        yield running


def test_the_sample_is_there(corpus: Path) -> None:
    assert {name(entry) for entry in LOADABLE} >= SAMPLE
    assert len(ENTRIES) >= 80


@pytest.mark.parametrize("entry", ENTRIES, ids=name)
def test_graph_checks_end_with_a_verdict(corpus: Path, entry: dict[str, Any]) -> None:
    report = validate(corpus / entry["dir"], select=["SM1"])
    assert errors(report) == []
    results = {check.code: check.verdict for check in report.checks}
    if entry["category"] == "malicious":
        assert CheckVerdict.FAIL in (results["SM101"], results["SM120"])
    elif entry["category"] == "good":
        assert results["SM101"] is results["SM120"] is CheckVerdict.PASS


@pytest.mark.parametrize("entry", ENTRIES, ids=name)
def test_signatures_are_those_recorded(corpus: Path, entry: dict[str, Any]) -> None:
    graph = read_saved_model(find_saved_model(corpus / entry["dir"]))
    found = {key for meta_graph in graph.meta_graphs for key in meta_graph.signatures}
    assert found == set(entry.get("signatures") or ()) - {"__saved_model_init_op"}


def test_models_before_saved_model_are_said_to_be_such(corpus: Path) -> None:
    (entry,) = (entry for entry in corpus_index() if entry["format"].startswith(BEFORE_SAVED_MODEL))
    report = validate(corpus / entry["dir"])
    (structure,) = (check for check in report.checks if check.code == "SM101")
    assert report.verdict is Verdict.NOT_BLESSED
    assert BEFORE_SAVED_MODEL in structure.findings[0].message


@pytest.mark.parametrize(
    "entry",
    [pytest.param(entry, marks=() if name(entry) in SAMPLE else pytest.mark.full) for entry in LOADABLE],
    ids=name,
)
def test_loaders_say_what_was_recorded(corpus: Path, host: LoaderHost, entry: dict[str, Any]) -> None:
    import tensorflow as tf

    # Trusted: what the graph checks find broken is to be seen by the loaders here as well.
    policy = Policy(trusted=True, limits=Limits(seconds=120))
    report = validate(corpus / entry["dir"], select=["SM1", "SM2"], policy=policy, host=host)
    assert errors(report) == []
    if not tf.__version__.startswith(RECORDED_ON):
        return
    results = {check.code: check.verdict is CheckVerdict.PASS for check in report.checks}
    assert results["SM202"] == loaded_fine(entry, "tf.saved_model.load")
    assert results["SM203"] == loaded_fine(entry, "tf.compat.v1.saved_model.load")
