"""Measurements as tables."""

from __future__ import annotations

import math

import pytest

from tfx_savedmodel.report.tables import Table, measurement_tables

pytestmark = pytest.mark.unit


def test_single_values_are_pairs_with_their_units() -> None:
    tables = measurement_tables({"examples": 68, "peak_bytes": 1_200_000, "load_seconds": 0.5, "worst": math.nan})

    rows = (("examples", "68"), ("peak bytes", "1.2 MB"), ("load seconds", "500 ms"), ("worst", "NaN"))
    assert tables == [Table((), rows)]


def test_nested_values_are_a_grid_of_names_and_values() -> None:
    outputs = {"serving_default": {"p": {"min": 0.1, "max": 0.9}}, "serve_raw": {"p": {"min": 0.2}}}

    (table,) = measurement_tables({"outputs": outputs})

    assert table.columns == ("outputs", "min", "max")
    assert table.rows == (("serving_default › p", "0.1", "0.9"), ("serve_raw › p", "0.2", ""))


def test_a_models_names_keep_their_underscores_and_milliseconds_their_unit() -> None:
    latency = {"serve_raw": {"requests": 20, "p50_ms": 0.4211}, "serve": {"requests": 20, "p50_ms": 1234.5}}

    (table,) = measurement_tables({"latency": latency})

    assert table.columns == ("latency", "requests", "p50 ms")
    assert table.rows == (("serve_raw", "20", "0.421 ms"), ("serve", "20", "1.2 s"))


def test_a_list_of_mappings_has_a_row_each() -> None:
    (table,) = measurement_tables({"runs": [{"batch": 1, "ok": True}, {"batch": 3, "ok": False}]})

    assert table.rows == (("1", "1", "yes"), ("2", "3", "no"))


def test_a_wide_mapping_becomes_long_and_a_long_one_is_cut() -> None:
    (wide,) = measurement_tables({"ops": {"graph": {str(number): number for number in range(9)}, "body": {"0": 0}}})
    (long,) = measurement_tables({"rows": {str(number): {"a": 1} for number in range(100)}})

    assert len(wide.rows) == 10
    assert len(wide.columns) == 2
    assert (len(long.rows), long.left_out) == (60, 40)


def test_nothing_measured_is_no_table() -> None:
    assert measurement_tables({}) == []
