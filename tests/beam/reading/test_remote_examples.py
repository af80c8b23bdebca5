"""Examples of any format on paths that are not local, and the same sample on any runner."""

from __future__ import annotations

import functools
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.beam.models import good_rows, write_rows
from tests.conftest import require_module
from tfx_savedmodel.errors import ExamplesError
from tfx_savedmodel.operations.validate import Report, validate

pytestmark = pytest.mark.tfx


def _validated(model: str, examples: Any, **given: Any) -> Any:
    report: Report = validate(model, examples=examples, select=["SM301", "SM302"], policy={"trusted": True}, **given)
    return report.checks[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with examples as TFRecords, as Parquet and as JSON lines."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    made = tmp_path / "made"
    made.mkdir()
    rows = good_rows(30)
    write_rows(made / "rows.gz", rows)
    pq.write_table(pa.table({name: [row[name] for row in rows] for name in ("x", "n")}), str(made / "rows.parquet"))
    (made / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return made


@pytest.fixture
def served(folder: Path) -> Iterator[str]:
    """The folder behind HTTP on loopback."""
    require_module("aiohttp", "pip install aiohttp: fsspec needs it for HTTP")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("suffix", ["gz", "parquet", "jsonl"])
def test_every_format_through_fsspec(scorer: str, folder: Path, suffix: str) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe_file(f"/examples/rows.{suffix}", (folder / f"rows.{suffix}").read_bytes())
    (folder / f"rows.{suffix}").unlink()
    try:
        result = _validated(scorer, f"memory://examples/rows.{suffix[:3]}*")
    finally:
        memory.rm("/examples", recursive=True)
    assert result.measurements["ran"]["serving_default"] == 30


def test_a_place_is_named_as_it_was_given(scorer: str, served: str, folder: Path) -> None:
    lines = (folder / "rows.jsonl").read_text().splitlines()
    lines[4] = "{"
    (folder / "rows.jsonl").write_text("\n".join(lines))
    result = _validated(scorer, f"{served}/*.jsonl")
    assert result.measurements["ran"]["serve_raw"] == 29
    assert result.findings[0].where == {"file": f"{served}/rows.jsonl", "record": 4}


def test_the_same_sample_on_every_runner(scorer: str, tmp_path: Path) -> None:
    # Every example fails, so the report names those that were run.
    for part in range(3):
        write_rows(tmp_path / f"part-{part}.gz", [{"x": float(number), "n": [1, 2]} for number in range(40)])
    policy = {"trusted": True, "parameters": {"SM301": {"keep": 50}}}

    def kept(*arguments: str) -> Any:
        report = validate(
            scorer,
            examples=str(tmp_path / "part-*.gz"),
            select=["SM301"],
            policy=policy,
            sample=20,
            beam_args=["--runner=FnApiRunner", *arguments],
        )
        return report.checks[0].measurements["refused"]["serve_raw"]["first"]

    alone = kept("--direct_running_mode=in_memory")
    assert len(alone) == 20 and len({each["file"] for each in alone}) == 3
    assert kept("--direct_running_mode=multi_processing", "--direct_num_workers=2") == alone


def test_nothing_at_a_remote_path_is_said_of_that_path(scorer: str) -> None:
    with pytest.raises(ExamplesError, match="no examples match") as caught:
        _validated(scorer, "memory://nothing/here.gz")
    assert caught.value.where == "memory://nothing/here.gz" and "tmp" not in str(caught.value)
