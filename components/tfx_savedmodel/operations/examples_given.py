"""How examples may be given: what the components and the command line say of them."""

from __future__ import annotations

from tfx_savedmodel.beam.reading.formats import AUTO, EXAMPLE, FORMATS, PARQUET, PROTO, SEQUENCE_EXAMPLE, TENSOR
from tfx_savedmodel.beam.reading.sampling import read_sample
from tfx_savedmodel.beam.running.batch_size import check_batch_size

__all__ = [
    "AUTO",
    "EXAMPLE",
    "FORMATS",
    "PARQUET",
    "PROTO",
    "SEQUENCE_EXAMPLE",
    "TENSOR",
    "check_batch_size",
    "read_sample",
]
