"""The vocabularies of a Transform graph that are small enough to name the places of one-hot vectors."""

from __future__ import annotations

import json

from tfx_savedmodel.errors import TransformGraphError
from tfx_savedmodel.sources.transform import TransformGraph

#: Vocabularies in larger files are not read: no one encodes so many words in one-hot vectors.
_MOST_BYTES = 1 << 20


def small_vocabularies(graph: TransformGraph) -> dict[str, tuple[str, ...]]:
    """Return the words of each small vocabulary that is text, by name, in the order of their numbers."""
    assets = graph.directory / "transform_fn" / "assets"
    found: dict[str, tuple[str, ...]] = {}
    for name, file in sorted(_assets(graph).items()):
        if (assets / file).is_file() and (assets / file).stat().st_size <= _MOST_BYTES:
            try:
                found[name] = graph.vocabulary(name)
            except TransformGraphError:
                continue  # an asset that is no vocabulary, or none that is text
    return found


def _assets(graph: TransformGraph) -> dict[str, str]:
    """Return the assets' file names by the name that the preprocessing_fn gave them."""
    listed = graph.directory / "transformed_metadata" / "asset_map"
    folder = graph.directory / "transform_fn" / "assets"
    named: dict[str, str] = json.loads(listed.read_text(encoding="utf-8")) if listed.is_file() else {}
    files = {file.name for file in folder.iterdir()} if folder.is_dir() else set()
    return named | {name: name for name in files - set(named.values())}
