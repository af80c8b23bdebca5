"""How examples may be given: what the components and the command line say of them."""

from __future__ import annotations

from tfx_savedmodel.beam.reading.formats import AUTO, EXAMPLE, FORMATS, PARQUET, PROTO, SEQUENCE_EXAMPLE, TENSOR
from tfx_savedmodel.beam.reading.sampling import read_sample

__all__ = ["AUTO", "EXAMPLE", "FORMATS", "PARQUET", "PROTO", "SEQUENCE_EXAMPLE", "TENSOR", "read_sample"]
