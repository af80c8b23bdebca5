"""The whole pipeline, run for real on the repository's data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import configs

pytestmark = pytest.mark.end_to_end


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from runners import engine, results

    build = tmp_path_factory.mktemp("build")
    engine.run(build, data=str(configs.DATA), beam_args=configs.LOCAL_BEAM_ARGS)
    return results.read(build)


def test_model_is_blessed_and_pushed(result: Any) -> None:
    assert result.report_json["verdict"] == "BLESSED", "\n".join(result.lines())
    assert (Path(result.pushed) / "saved_model.pb").is_file()


def test_model_has_just_the_planned_signatures(result: Any) -> None:
    import tfx_savedmodel

    (meta_graph,) = tfx_savedmodel.inspect(result.pushed)["meta_graphs"]
    assert set(meta_graph["signatures"]) == set(json.loads(configs.PLAN.read_text(encoding="utf-8"))["signatures"])


def test_every_signature_ran_on_the_examples(result: Any) -> None:
    checks = {check["code"]: check for check in result.report_json["checks"]}
    assert checks["SM301"]["verdict"] == "PASS"
    assert checks["SM301"]["measurements"]["not_run"] == {}


def test_model_is_no_worse_than_the_simplest_guess(result: Any) -> None:
    # With a tenth to spare, for data with few rows or little to learn: this finds a training that is broken. Write
    # down here what you expect of yours.
    metrics = result.metrics
    if configs.CLASSES:
        assert metrics["eval_accuracy"] > 0.9 * metrics["eval_accuracy_of_guessing_the_most_frequent_class"]
    else:
        simplest = metrics["eval_root_mean_square_error_of_guessing_the_mean"]
        assert metrics["eval_root_mean_square_error"] < 1.1 * simplest
