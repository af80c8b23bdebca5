"""TensorFlow's hash of graph, signatures, objects and checkpoint, which its save writes since 2.12."""

from __future__ import annotations

from pathlib import Path

FILE = "fingerprint.pb"


def renew_fingerprint(directory: Path) -> str | None:
    """Let TensorFlow write the file for the graph as it now is; return why it does not.

    The model is not loaded, TensorFlow is: a rewrite does without.
    """
    try:
        from tensorflow.python.saved_model import fingerprinting_utils

        fingerprinting_utils.write_fingerprint(str(directory))
    except (ImportError, AttributeError, ValueError) as error:  # it is no part of TensorFlow's public interface
        return f"{type(error).__name__}: {error}"
    return None
