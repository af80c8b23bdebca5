"""How many examples are run together, where somebody says."""

from __future__ import annotations

from typing import Any

from tfx_savedmodel.errors import UsageError


def check_batch_size(size: Any) -> int | None:
    """Return the number of examples that are run together, None for what is found by measuring.

    Raises:
      UsageError: it is no whole number, or less than one.
    """
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
        raise UsageError(
            "not a number of examples to run together",
            where="batch_size",
            found=repr(size),
            wanted="1 or more, or none, for the size that is fastest",
        )
    return size
