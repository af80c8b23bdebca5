"""`validate` as a whole: judging before running, what was given and what was not, the verdict."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.operations.models import example, save_keras
from tests.saved_model.graphs import node, save, tensor
from tfx_savedmodel.errors import ExamplesError, PolicyError, UnreadableModelError
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.operations.validate import CheckVerdict, Policy, Report, Upstream, Verdict, validate
from tfx_savedmodel.validation.loading.observe import LoaderHost
from tfx_savedmodel.validation.policy import Limits, Waiver

PASS, FAIL, SKIP = CheckVerdict.PASS, CheckVerdict.FAIL, CheckVerdict.SKIP
SIGNATURE = {"inputs": {"x": tensor("x:0", "string")}, "outputs": {"y": tensor("y:0", "string")}}
SAFE = [node("x", "Placeholder", dtype=7), node("y", "Identity", "x", T=7)]
UNSAFE = [node("x", "Placeholder", dtype=7), node("y", "ReadFile", "x")]


def verdicts(report: Report) -> dict[str, CheckVerdict]:
    return {check.code: check.verdict for check in report.checks}


@pytest.mark.unit
def test_what_was_not_given_is_skipped_with_that_reason(tmp_path: Path) -> None:
    report = validate(save(tmp_path, SAFE, signatures={"serving_default": SIGNATURE}), select=["SM1", "SM3"])
    found = {check.code: check.reason for check in report.checks if check.verdict is SKIP}
    assert found["SM105"] == "the model carries no plan and none was given"
    assert found["SM301"] == "no examples were given"
    assert report.verdict is Verdict.BLESSED


@pytest.mark.unit
def test_an_unsafe_model_is_not_run(tmp_path: Path) -> None:
    model = save(tmp_path, UNSAFE, signatures={"serving_default": SIGNATURE})
    report = validate(model)
    assert verdicts(report)["SM120"] is FAIL
    assert {check.verdict for check in report.checks if check.code >= "SM2"} == {SKIP}
    assert report.verdict is Verdict.NOT_BLESSED
    # Whoever waives the finding has not seen the model run.
    waived = Policy(waive=(Waiver("SM120", "we know"),))
    assert validate(model, policy=waived).verdict is Verdict.UNDECIDED
    assert validate(model, ignore=["SM120"]).verdict is Verdict.UNDECIDED
    # The gate is kept where its check is not asked for.
    loads = validate(model, select=["SM201"])
    assert [check.code for check in loads.checks] == ["SM201"]
    assert "not run: SM120" in (loads.checks[0].reason or "")
    assert loads.verdict is Verdict.UNDECIDED


@pytest.mark.unit
def test_an_unsafe_reference_is_not_run(tmp_path: Path) -> None:
    model = save(tmp_path / "m", SAFE, signatures={"serving_default": SIGNATURE})
    reference = save(tmp_path / "r", UNSAFE, signatures={"serving_default": SIGNATURE})
    report = validate(model, reference=reference, select=["SM2"])
    assert {check.verdict for check in report.checks} == {SKIP}
    assert "the reference model is not run: SM120" in (report.checks[0].reason or "")


@pytest.mark.unit
def test_what_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    model = save(tmp_path / "m", SAFE, signatures={"serving_default": SIGNATURE})
    with pytest.raises(UnreadableModelError, match="no such path"):
        validate(tmp_path / "absent")
    with pytest.raises(UnreadableModelError, match="no such path"):
        validate(model, reference=tmp_path / "absent")
    with pytest.raises(PolicyError, match="no check's code begins so"):
        validate(model, select=["SM9"])
    with pytest.raises(PolicyError, match="no such policy"):
        validate(model, policy="lenient")


@pytest.mark.unit
def test_a_plan_given_is_the_contract(tmp_path: Path) -> None:
    model = save(tmp_path, SAFE, signatures={"serving_default": SIGNATURE})
    plan = {"serving_default": {"kind": "serve_examples", "input": "x"}, "xai_model": {"kind": "model"}}
    report = validate(model, select=["SM105"], plan=plan)
    assert [finding.message for finding in report.checks[0].findings] == ["the signature 'xai_model' is missing"]
    del plan["xai_model"]
    assert validate(model, select=["SM105"], plan=json.dumps(plan)).verdict is Verdict.BLESSED


@pytest.mark.unit
def test_upstream_blessings_are_anded(tmp_path: Path) -> None:
    model = save(tmp_path, SAFE, signatures={"serving_default": SIGNATURE})
    upstream = [Upstream("a", "InfraBlessing", True), Upstream("b", "ModelBlessing", False)]
    report = validate(model, select=["SM1"], upstream=upstream)
    assert report.verdict is Verdict.NOT_BLESSED
    assert report.to_json()["upstream"][1] == {"uri": "b", "type": "ModelBlessing", "blessed": False}


@pytest.mark.unit
def test_the_report_describes_the_model(tmp_path: Path) -> None:
    document = validate(save(tmp_path, SAFE, signatures={"s": SIGNATURE}), select=["SM101"]).to_json()
    assert document["verdict"] == "BLESSED"
    assert document["model"]["meta_graphs"][0]["signatures"]["s"]["method_name"] == "tensorflow/serving/predict"
    assert len(document["model"]["fingerprint"]) == 64
    assert document["checks"][0]["severity"] == "error"


@pytest.mark.unit
def test_the_report_says_where_its_time_went(tmp_path: Path) -> None:
    report = validate(save(tmp_path, SAFE, signatures={"s": SIGNATURE}), select=["SM101"])
    assert set(report.spent) == {"inputs", "graph", "rest"}
    assert sum(report.spent.values()) == report.seconds
    assert report.to_json()["spent"].keys() == report.spent.keys()


@pytest.fixture(scope="module")
def host() -> Iterator[LoaderHost]:
    with LoaderHost() as running:
        yield running


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = save_keras(tmp_path_factory.mktemp("source") / "model")
    plan: dict[str, Any] = {
        "serving_default": {"kind": "serve_examples"},
        "xai_preprocess": {"kind": "preprocess"},
        "xai_model": {"kind": "model"},
    }
    return export(source, tmp_path_factory.mktemp("exported") / "model", plan=plan).path


@pytest.mark.tf
def test_an_export_is_loaded_and_run_by_every_loader(exported: Path, host: LoaderHost) -> None:
    said: list[str] = []
    report = validate(exported, host=host, progress=said.append)
    assert {code: verdict for code, verdict in verdicts(report).items() if verdict is not PASS} == {
        # What was not given: a baseline, a consumer, budgets, examples.
        **dict.fromkeys(("SM106", "SM110", "SM114", "SM206"), SKIP),
        **{f"SM30{number}": SKIP for number in range(1, 10)},
    }
    assert report.verdict is Verdict.BLESSED
    assert {"libraries", "loads"} <= set(report.spent)
    assert "loading with the native loader" in said
    by_code = {check.code: check for check in report.checks}
    assert by_code["SM204"].measurements["runs"] == 9
    assert by_code["SM201"].measurements["load_seconds"] > 0
    assert by_code["SM202"].seconds > 0


@pytest.mark.tf
def test_a_graph_that_fails_when_run_is_found(tmp_path: Path, host: LoaderHost) -> None:
    import tensorflow as tf

    class Wrong(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
        def serve(self, x: Any) -> Any:
            return {"y": tf.reshape(x, [7, -1])}

    module = Wrong()
    tf.saved_model.save(module, str(tmp_path / "m"), signatures=module.serve)
    report = validate(tmp_path / "m", host=host, select=["SM204"])
    batches = [finding.where["batch"] for finding in report.checks[0].findings]
    assert batches == [1, 3]  # none of a batch of none can be reshaped


@pytest.mark.tf
def test_a_truncated_shard_is_found_and_not_loaded(exported: Path, tmp_path: Path, host: LoaderHost) -> None:
    import shutil

    model = Path(shutil.copytree(exported, tmp_path / "m"))
    shard = model / "variables" / "variables.data-00000-of-00001"
    shard.write_bytes(shard.read_bytes()[:10])
    report = validate(model, host=host, select=["SM101", "SM2"])
    assert report.checks[0].findings[0].message.startswith("the shard variables.data-00000-of-00001 is truncated")
    assert {check.verdict for check in report.checks[1:]} == {SKIP}
    trusted = validate(model, host=host, select=["SM202"], policy=Policy(trusted=True))
    assert verdicts(trusted)["SM202"] is FAIL


@pytest.mark.tfx
def test_a_signature_that_hangs_is_ended_on_examples_too(tmp_path: Path, host: LoaderHost) -> None:
    import tensorflow as tf

    class Hangs(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
        def serve(self, x: Any) -> Any:
            return {"y": tf.while_loop(lambda y: tf.constant(True), lambda y: y + 1.0, [x])[0]}

    module = Hangs()
    tf.saved_model.save(module, str(tmp_path / "m"), signatures=module.serve)
    with tf.io.TFRecordWriter(str(tmp_path / "data")) as writer:
        writer.write(example(x=[1.0]))
    policy = Policy(limits=Limits(seconds=20, run_seconds=4))
    report = validate(
        tmp_path / "m", host=host, policy=policy, select=["SM2", "SM3"], examples=[str(tmp_path / "data")]
    )
    assert verdicts(report)["SM204"] is FAIL
    assert verdicts(report)["SM301"] is FAIL
    (finding,) = next(check for check in report.checks if check.code == "SM301").findings
    assert finding.where == {"signature": "serving_default", "file": str(tmp_path / "data"), "record": 0}
    assert verdicts(report)["SM302"] is SKIP


@pytest.mark.tfx
def test_what_was_given_must_have_been_looked_at(exported: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    empty, other = str(tmp_path / "empty"), str(tmp_path / "other")
    with tf.io.TFRecordWriter(empty):
        pass
    assert validate(exported, select=["SM1", "SM3"], examples=[empty]).verdict is Verdict.UNDECIDED
    with tf.io.TFRecordWriter(other) as writer:
        writer.write(example(colour=[b"red"], bill=[0.5]))
    report = validate(exported, select=["SM301"], examples=[other])
    assert report.verdict is not Verdict.BLESSED


@pytest.mark.tfx
def test_examples_that_are_not_there(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(ExamplesError, match="no examples match"):
        validate(exported, examples=[str(tmp_path / "*.gz")])
