"""Makes the Beam pipeline: the user's arguments, and a runner that needs nothing beside Beam."""

from __future__ import annotations

import contextlib
import io
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
      UsageError: an argument that is no option; what is returned raises it where Beam refuses the arguments.
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

        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said):  # where argparse says what is wrong before it exits
                options = PipelineOptions([*(() if named else IN_MEMORY), *beam_args])
                options.get_all_options()  # each is parsed when somebody first asks for it
                return apache_beam.Pipeline(options=options)
        except (ValueError, SystemExit) as error:
            found = said.getvalue().strip().rpartition("error: ")[2] if isinstance(error, SystemExit) else str(error)
            raise UsageError(
                "Beam refuses its arguments", where="after --", found=found, wanted="options of Beam and of its runner"
            ) from error

    return make
