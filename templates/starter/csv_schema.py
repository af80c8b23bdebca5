"""The schema that holds of CSV files whatever today's data is like: a step between SchemaGen and those that read it."""

# No `from __future__ import annotations`: TFX reads what a component takes and gives from the types themselves.
import json
from collections.abc import Collection

from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Schema
from tfx.utils import io_utils

_FILE = "schema.pbtxt"


@component
def CsvSchema(inferred: InputArtifact[Schema], columns: Parameter[str], schema: OutputArtifact[Schema]) -> None:
    """Write the schema of the named columns, each of which an example may lack.

    Args:
      inferred: what SchemaGen made of today's data.
      columns: the columns that are used, a JSON list.
      schema: what holds of any.
    """
    found = io_utils.SchemaReader().read(f"{inferred.uri}/{_FILE}")
    io_utils.write_pbtxt_file(f"{schema.uri}/{_FILE}", of_columns(found, json.loads(columns)))


def of_columns(inferred: schema_pb2.Schema, columns: Collection[str]) -> schema_pb2.Schema:
    """Return a schema of these columns only, by which an example has at most one value of each.

    A column of the files that nothing uses would become an input that clients have to send. SchemaGen says how many
    values it has seen, which differs where today's data lacks none: the signatures over raw columns would have other
    shapes then, and the contract be broken by nobody's change. Of integers nothing is said: no number stands for a
    missing one, so that a client has to be allowed to send none.
    """
    schema = schema_pb2.Schema()
    schema.CopyFrom(inferred)
    del schema.feature[:]
    del schema.string_domain[:]
    for feature in inferred.feature:
        if feature.name in columns:
            schema.feature.add().CopyFrom(feature)
    used = {feature.domain for feature in schema.feature}
    schema.string_domain.extend(domain for domain in inferred.string_domain if domain.name in used)
    for feature in schema.feature:
        feature.ClearField("value_count")
        if feature.type != schema_pb2.INT:
            feature.value_count.max = 1
    return schema
