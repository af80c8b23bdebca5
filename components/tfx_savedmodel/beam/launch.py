"""Makes the Beam pipeline: the user's arguments, and a runner that needs nothing beside Beam."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tfx_savedmodel.errors import UsageError

if TYPE_CHECKING:
    import apache_beam as beam

#: DirectRunner would first try Prism, which downloads a program.
IN_MEMORY = ("--runner=FnApiRunner", "--direct_running_mode=in_memory")


def pipeline_maker(beam_args: Sequence[str] = ()) -> Callable[[], beam.Pipeline]:
    """Return what makes a pipeline with these arguments (`--name=value`); by default in this process.

    Raises:
      UsageError: an argument that is no option.
    """
    loose = [argument for argument in beam_args if not argument.startswith("-")]
    if loose:
        raise UsageError(
            "Beam's arguments are options", where="after --", found=", ".join(loose), wanted="--name=value"
        )
    named = any(argument.split("=")[0] == "--runner" for argument in beam_args)

    def make() -> beam.Pipeline:
        import apache_beam
        from apache_beam.options.pipeline_options import PipelineOptions

        return apache_beam.Pipeline(options=PipelineOptions([*(() if named else IN_MEMORY), *beam_args]))

    return make
