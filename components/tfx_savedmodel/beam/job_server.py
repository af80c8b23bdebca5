"""Whether a job server listens where a pipeline is to be sent: Beam waits minutes for one, and then names none."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from typing import Any

from tfx_savedmodel.errors import UsageError

#: A job server that was started a moment ago listens within these.
_SECONDS = 20.0
_POLL_SECONDS = 0.5


def wait_for_job_server(pipeline: Any, tell: Callable[[str], None], seconds: float = _SECONDS) -> None:
    """Return when something listens at the pipeline's `--job_endpoint`, at once where it has none.

    Raises:
      UsageError: nothing listened there for so many seconds.
    """
    from apache_beam.options.pipeline_options import PortableOptions

    endpoint = str(pipeline.options.view_as(PortableOptions).job_endpoint or "")
    host, _, port = endpoint.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:  # none, "embed", or a name that only gRPC reads
        return
    deadline = time.monotonic() + seconds
    while (fault := _refusal(host.strip("[]"), int(port))) is not None:
        if time.monotonic() > deadline:
            raise UsageError(
                "no job server listens there",
                where="--job_endpoint",
                found=f"{endpoint}: {fault}",
                wanted="the host and port of Beam's job server for Flink or Spark",
                next_step="start it, or look at its log; docs/runners.md says how",
            )
        tell(f"waiting for a job server at {endpoint}")
        time.sleep(_POLL_SECONDS)


def _refusal(host: str, port: int) -> str | None:
    """Say why nobody can be reached there, None where somebody listens."""
    try:
        with contextlib.closing(socket.create_connection((host, port), timeout=_SECONDS)):
            return None
    except OSError as error:
        return str(error)
