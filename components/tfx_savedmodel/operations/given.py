"""What whoever validates a model gives beside it, read and brought to local disk."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from tfx_savedmodel.operations.stopwatch import Stopwatch
from tfx_savedmodel.saved_model.view import GraphView

if TYPE_CHECKING:
    import apache_beam as beam

    from tfx_savedmodel.validation.loading.observe import LoaderHost


@dataclasses.dataclass(frozen=True)
class GivenBeside:
    """Examples as local files or Beam's own patterns, and models as graphs; each may be absent."""

    examples: tuple[str, ...]
    schema: str | None
    transform_graph: str | None
    reference: GraphView | None
    make_pipeline: Callable[[], beam.Pipeline] | None
    beam_args: tuple[str, ...]
    host: LoaderHost | None
    progress: Callable[[str], None]
    watch: Stopwatch
