"""What whoever validates a model gives beside it, read and brought to local disk."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from tfx_savedmodel.operations.stopwatch import Stopwatch
from tfx_savedmodel.saved_model.view import GraphView

if TYPE_CHECKING:
    import apache_beam as beam

    from tfx_savedmodel.beam.reading.sampling import Sample
    from tfx_savedmodel.validation.loading.observe import LoaderHost


@dataclasses.dataclass(frozen=True)
class GivenBeside:
    """Examples as local files or Beam's own patterns, and models as graphs; each may be absent.

    `examples_format` is one of `beam.formats`, and of the examples a `sample` is run, or all, `batch_size` together
    (None: as many as measuring finds fastest).
    """

    examples: tuple[str, ...]
    examples_format: str
    sample: Sample | None
    batch_size: int | None
    data_view: str | None
    schema: str | None
    transform_graph: str | None
    reference: GraphView | None
    make_pipeline: Callable[[], beam.Pipeline] | None
    beam_args: tuple[str, ...]
    host: LoaderHost | None
    progress: Callable[[str], None]
    watch: Stopwatch
