"""The schema that holds of CSV files whatever today's data is like: a step between SchemaGen and those that read it."""

# No `from __future__ import annotations`: TFX reads what a component takes and gives from the types themselves.
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Schema
from tfx.utils import io_utils

_FILE = "schema.pbtxt"


@component
def CsvSchema(inferred: InputArtifact[Schema], schema: OutputArtifact[Schema]) -> None:
    """Say of every column that an example has at most one value of it, and may have none: a cell holds no more.

    SchemaGen says how many it has seen, which differs where today's data lacks none. The signatures over raw columns
    would have other shapes then, and the contract be broken by nobody's change. Of integers nothing is said: no number
    stands for a missing one, so that a client has to be allowed to send none.
    """
    found = io_utils.SchemaReader().read(f"{inferred.uri}/{_FILE}")
    for feature in found.feature:
        feature.ClearField("value_count")
        if feature.type != schema_pb2.INT:
            feature.value_count.max = 1
    io_utils.write_pbtxt_file(f"{schema.uri}/{_FILE}", found)
