"""Third-party models exported for TensorFlow 1.15: they fit, and load wherever they loaded, or the error says why not.

That they answer as before, bit by bit, the export itself makes sure of. `make test` takes a fixed sample,
`make test-full` the whole corpus.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.corpus.test_corpus import ENTRIES, SAMPLE, name
from tfx_savedmodel.errors import PlanError, TargetError, UnreadableModelError
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.saved_model.consumers.judgement import lacks
from tfx_savedmodel.saved_model.locate import find_saved_model
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.validation.loading.observe import LOADERS, LoaderHost
from tfx_savedmodel.validation.policy import Limits

pytestmark = pytest.mark.tf

TARGET = "tf-1.15"
LIMITS = Limits(seconds=120)

#: What keeps a model from 1.15: ops of its own, and ops whose replacement cannot be tried on this TensorFlow.
STOPPED = {
    "sts__custom_op_zero_out": "ZeroOut",
    "tf__tftrt_2.0": "TRTEngineOp",
    "tfdf__adult_rf": "SimpleMLCreateModelResource",
    "tfx__taxi_eval_1646034758": "is sparse",
    "tfx__taxi_push_1584391735": "BoostedTreesBucketize",
    "tfx__taxi_serving_1551382555_tf1.12": "BucketizeWithInputBoundaries",
}

#: What cannot be exported with all its signatures at all: without a signature, or with a file missing.
NO_SIGNATURE = "the plan names no signature"
NO_EXPORT = {
    "tf1__session_bundle_saved_model_half_plus_two": "the asset foo.txt is missing",
    "tf__CyclicModule": NO_SIGNATURE,
    "tf__OptimizerSlotVariableModule": NO_SIGNATURE,
    "tf__SimpleV1Model": NO_SIGNATURE,
    "tf__libtf_data_structure": NO_SIGNATURE,
}

MODELS = [
    pytest.param(entry, marks=() if entry["name"] in SAMPLE else pytest.mark.full, id=name(entry))
    for entry in ENTRIES
    if entry["category"] in ("good", "legacy", "custom-op")
]


@pytest.fixture(scope="module")
def host() -> Iterator[LoaderHost]:
    with LoaderHost() as running:
        yield running


@pytest.mark.parametrize("entry", MODELS)
def test_it_fits_and_loads_as_before(entry: dict[str, Any], corpus: Path, host: LoaderHost, tmp_path: Path) -> None:
    source = find_saved_model(corpus / entry["dir"])
    tags = read_saved_model(source).meta_graphs[0].tags if read_saved_model(source).meta_graphs else ()
    out = tmp_path / "out"
    try:
        export(source, out, plan={"keep": "all", "target": TARGET, "source": {"tags": list(tags)}})
    except (UnreadableModelError, PlanError) as error:
        assert NO_EXPORT[entry["name"]] in str(error)
        pytest.skip(f"no export: {error.message}")
    except TargetError as error:
        assert STOPPED[entry["name"]] in str(error)
        assert list(tmp_path.iterdir()) == []
        return
    assert entry["name"] not in {*STOPPED, *NO_EXPORT}
    meta_graph = read_saved_model(out, tags).meta_graph()
    assert meta_graph is not None
    assert list(lacks(meta_graph, TARGET)) == []
    for loader in LOADERS:
        before, after = (host.observe(loader, model, tags, LIMITS).outcome for model in (source, out))
        assert after == before or after == "ok", loader
