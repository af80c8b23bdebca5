"""Artifacts as local paths: inputs downloaded for as long as a block runs, outputs uploaded at its end.

A local URI is passed through as it is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from tfx import types
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils

from tfx_savedmodel.artifacts.storage import FileioStorage
from tfx_savedmodel.saved_model.local import is_remote
from tfx_savedmodel.saved_model.remote import Staging
from tfx_savedmodel.saved_model.temporary import temporary_folder
from tfx_savedmodel.saved_model.upload import add_files, publishing_remote

Artifacts = dict[str, list[types.Artifact]]


class LocalInputs:
    """An executor's inputs by key, as local paths; None where an optional input was not given."""

    def __init__(self, artifacts: Artifacts, stage: Staging) -> None:
        self.artifacts = artifacts
        self.stage = stage

    def model(self, key: str = "model") -> str | None:
        """Return the SavedModel that is to be served of a Model artifact."""
        if not self.artifacts.get(key):
            return None
        artifact = artifact_utils.get_single_instance(self.artifacts[key])
        uri = path_utils.serving_model_path(artifact.uri, path_utils.is_old_model_artifact(artifact))
        return str(self.stage.path(uri, f"the artifact {key!r}"))

    def folder(self, key: str) -> str | None:
        """Return an artifact's own directory."""
        if not self.artifacts.get(key):
            return None
        return str(self.stage.path(artifact_utils.get_single_uri(self.artifacts[key]), f"the artifact {key!r}"))

    def only_file(self, key: str) -> str | None:
        """Return the one file in an artifact's directory, as a Schema has."""
        if not self.artifacts.get(key):
            return None
        uri = io_utils.get_only_uri_in_dir(artifact_utils.get_single_uri(self.artifacts[key]))
        return str(self.stage.path(uri, f"the artifact {key!r}"))

    def examples(
        self, splits: Sequence[str] | None = None, key: str = "examples", *, natively: bool = False
    ) -> list[str]:
        """Return patterns of the files of Examples artifacts, of all their splits or of those named.

        Args:
          natively: leave a URI as it is where TensorFlow and Beam can read it.
        """
        found = []
        for artifact in self.artifacts.get(key, []):
            for split in artifact_utils.decode_split_names(artifact.split_names) if splits is None else splits:
                found.append(io_utils.all_files_pattern(artifact_utils.get_split_uri([artifact], split)))
        return self.stage.examples(found, natively=natively)


@contextlib.contextmanager
def local_inputs(artifacts: Artifacts) -> Iterator[LocalInputs]:
    """Yield an executor's inputs as local paths; errors name the URIs."""
    with Staging(FileioStorage()) as stage:
        yield LocalInputs(artifacts, stage)


@contextlib.contextmanager
def local_output(uri: str, *, beside: bool = False) -> Iterator[Path]:
    """Yield the local directory to write an output to; when the block ends well it is uploaded, the graph last.

    Args:
      beside: what else is at `uri` stays.
    """
    if not is_remote(uri):
        yield Path(uri)
    elif beside:
        with temporary_folder() as folder:
            yield Path(folder)
            add_files(Path(folder), uri, storage=FileioStorage())
    else:
        with publishing_remote(uri, overwrite=True, storage=FileioStorage()) as staged:
            yield staged
