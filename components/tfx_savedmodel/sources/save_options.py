"""tf.saved_model.SaveOptions from plain data, for whichever TensorFlow runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def save_options(
    *,
    function_aliases: dict[str, Any] | None = None,
    save_debug_info: bool = False,
    namespace_whitelist: Sequence[str] = (),
    experimental_custom_gradients: bool = True,
    experimental_io_device: str | None = None,
    experimental_variable_policy: str | None = None,
) -> Any:
    """Return a `tf.saved_model.SaveOptions`."""
    import tensorflow as tf

    return tf.saved_model.SaveOptions(
        function_aliases=function_aliases,
        save_debug_info=save_debug_info,
        namespace_whitelist=list(namespace_whitelist) or None,
        experimental_custom_gradients=experimental_custom_gradients,
        experimental_io_device=experimental_io_device,
        experimental_variable_policy=experimental_variable_policy,
    )
