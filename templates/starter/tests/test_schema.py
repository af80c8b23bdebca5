"""What the schema says of CSV files whatever SchemaGen has seen in them."""

from __future__ import annotations

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from csv_schema import of_columns

INFERRED = """
feature { name: "count" type: INT value_count { min: 1 max: 1 } presence { min_fraction: 1 min_count: 1 } }
feature { name: "extra" type: BYTES domain: "extra" presence { min_fraction: 1 min_count: 1 } }
feature { name: "empty" type: BYTES }
feature { name: "kind" type: BYTES domain: "kind" value_count { min: 1 max: 1 } }
feature { name: "size" type: FLOAT value_count { min: 1 max: 1 } }
string_domain { name: "extra" value: "a" }
string_domain { name: "kind" value: "b" }
"""


def schema_of(*columns: str) -> schema_pb2.Schema:
    return of_columns(text_format.Parse(INFERRED, schema_pb2.Schema()), columns)


def test_columns_that_configs_do_not_name_are_left_out() -> None:
    schema = schema_of("size", "kind", "count")
    assert [feature.name for feature in schema.feature] == ["count", "kind", "size"]
    assert [(domain.name, list(domain.value)) for domain in schema.string_domain] == [("kind", ["b"])]


def test_example_has_at_most_one_value_and_of_integers_nothing_is_said() -> None:
    counts = {feature.name: feature.value_count for feature in schema_of("size", "kind", "count").feature}
    assert {name: (count.min, count.max) for name, count in counts.items()} == {
        "count": (0, 0),
        "kind": (0, 1),
        "size": (0, 1),
    }
