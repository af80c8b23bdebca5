"""An artifact as Kubeflow hands it on: a RuntimeArtifact."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

_TITLE = re.compile(r"^title:\s*(\S+)\s*$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Artifact:
    """`name` is what the metadata store calls it, `type` an ArtifactTypeSchema, `metadata` its properties of any kind.

    Numbers in the metadata are floats: Kubeflow knows no others.
    """

    name: str
    uri: str
    type: Mapping[str, Any]
    metadata: Mapping[str, Any]

    @property
    def type_name(self) -> str:
        """The title of the type's schema: `tfx.Model`, `tfx_savedmodel.ValidationReport`."""
        return type_name(self.type)

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "type": dict(self.type), "uri": self.uri, "metadata": dict(self.metadata)}

    def merged(self, uri: str, metadata: Mapping[str, Any]) -> Artifact:
        """Return the artifact with what a step says of it: its place, "" where that is the same, and properties."""
        return dataclasses.replace(self, uri=uri or self.uri, metadata={**self.metadata, **as_struct(metadata)})


def type_name(schema: Mapping[str, Any]) -> str:
    """Return the title that an ArtifactTypeSchema goes by; "" where it has none."""
    if "schemaTitle" in schema:
        return str(schema["schemaTitle"])
    found = _TITLE.search(schema.get("instanceSchema", ""))
    return found[1] if found else ""


def as_struct(value: Any) -> Any:
    """Return a JSON value as protobuf's Struct keeps it: every number a float."""
    if isinstance(value, Mapping):
        return {key: as_struct(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [as_struct(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def as_lists(artifacts: Mapping[str, Sequence[Artifact]]) -> dict[str, Any]:
    """Return artifacts by key as the ArtifactLists of ExecutorInput."""
    return {key: {"artifacts": [item.to_json() for item in items]} for key, items in artifacts.items()}
