"""What outlives a run: artifacts, for resolvers, and what a step with the same inputs gave, for the cache."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.kubeflow.artifacts import Artifact
from tfx_savedmodel.errors import UsageError

_TABLES = """
CREATE TABLE IF NOT EXISTS artifacts (
    id INTEGER PRIMARY KEY, pipeline TEXT, name TEXT UNIQUE, title TEXT, uri TEXT, type TEXT, metadata TEXT);
CREATE TABLE IF NOT EXISTS executions (
    pipeline TEXT, fingerprint TEXT, outputs TEXT, parameters TEXT, PRIMARY KEY (pipeline, fingerprint));
"""
_COLUMNS = "name, uri, type, metadata"
#: What TFX asks of a resolver: a type, that it is there, a number among its properties, its name.
_TERM = re.compile(r'(schema_title|name)="([^"]*)"|(state)=(LIVE)|metadata\.(\w+)\.number_value=(-?[\d.]+)')
_WAIT_SECONDS = 60.0


class Store:
    """The artifacts and executions of pipelines, in an SQLite file; several runs may use it at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._opened() as database:
            database.executescript(_TABLES)

    def add(self, pipeline: str, artifacts: Sequence[Artifact]) -> None:
        """Keep artifacts; one whose name is there already stays as it is."""
        rows = [
            (pipeline, item.name, item.type_name, item.uri, json.dumps(item.type), json.dumps(item.metadata))
            for item in artifacts
        ]
        with self._opened() as database:
            database.executemany(
                "INSERT OR IGNORE INTO artifacts (pipeline, name, title, uri, type, metadata)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )

    def imported(self, pipeline: str, wanted: Artifact) -> Artifact | None:
        """Return the artifact of this place, type and metadata, if there is one."""
        with self._opened() as database:
            rows = database.execute(
                f"SELECT {_COLUMNS} FROM artifacts WHERE pipeline = ? AND uri = ? AND title = ? ORDER BY id DESC",
                (pipeline, wanted.uri, wanted.type_name),
            )
            return next((item for item in _artifacts(rows) if item.metadata == wanted.metadata), None)

    def latest(self, pipeline: str, query: str) -> Artifact | None:
        """Return the newest artifact that a resolver's filter lets through.

        Raises:
          UsageError: the filter has something that is not understood.
        """
        terms = _terms(query)
        with self._opened() as database:
            rows = database.execute(
                f"SELECT {_COLUMNS} FROM artifacts WHERE pipeline = ? ORDER BY id DESC", (pipeline,)
            )
            return next((item for item in _artifacts(rows) if all(_meets(item, term) for term in terms)), None)

    def outputs(self, pipeline: str, fingerprint: str) -> tuple[dict[str, list[Artifact]], dict[str, Any]] | None:
        """Return the artifacts and parameters that a step with this fingerprint gave.

        None where there was no such step, or what it wrote has been removed.
        """
        with self._opened() as database:
            row = database.execute(
                "SELECT outputs, parameters FROM executions WHERE pipeline = ? AND fingerprint = ?",
                (pipeline, fingerprint),
            ).fetchone()
            if row is None:
                return None
            kept: dict[str, list[tuple[str, bool]]] = json.loads(row[0])
            found = {key: [self._named(database, name) for name, _ in listed] for key, listed in kept.items()}
        was_there = [there for listed in kept.values() for _, there in listed]
        artifacts = [item for items in found.values() for item in items]
        if any(there and not Path(item.uri).exists() for item, there in zip(artifacts, was_there, strict=True)):
            return None
        return found, json.loads(row[1])

    def keep(
        self, pipeline: str, fingerprint: str, outputs: Mapping[str, Sequence[Artifact]], parameters: Mapping[str, Any]
    ) -> None:
        """Remember what a step with this fingerprint gave."""
        kept = {key: [(item.name, Path(item.uri).exists()) for item in items] for key, items in outputs.items()}
        with self._opened() as database:
            database.execute(
                "INSERT OR REPLACE INTO executions VALUES (?, ?, ?, ?)",
                (pipeline, fingerprint, json.dumps(kept), json.dumps(parameters)),
            )

    @staticmethod
    def _named(database: sqlite3.Connection, name: str) -> Artifact:
        return next(_artifacts(database.execute(f"SELECT {_COLUMNS} FROM artifacts WHERE name = ?", (name,))))

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        # A connection for each use: steps run in threads, and a connection belongs to one.
        with contextlib.closing(sqlite3.connect(self._path, timeout=_WAIT_SECONDS)) as database, database:
            # Written through at leisure: what a machine that breaks down loses here is made again.
            database.execute("PRAGMA synchronous = OFF")
            yield database


def _artifacts(rows: Any) -> Iterator[Artifact]:
    for name, uri, schema, metadata in rows:
        yield Artifact(name, uri, json.loads(schema), json.loads(metadata))


def _terms(query: str) -> list[tuple[str, str]]:
    terms = []
    for text in query.split(" AND "):
        match = _TERM.fullmatch(text.strip())
        if match is None:
            raise UsageError(
                "a resolver's filter is not understood",
                where=query,
                found=text,
                wanted='schema_title="…", name="…", state=LIVE or metadata.….number_value=…',
            )
        key, value = (group for group in match.groups() if group is not None)
        terms.append((key if match[5] is None else f"metadata.{key}", value))
    return terms


def _meets(artifact: Artifact, term: tuple[str, str]) -> bool:
    key, value = term
    if key == "schema_title":
        return artifact.type_name == value
    if key == "name":
        return artifact.name == value
    # What is in the store is live: nothing is ever deleted there.
    return key == "state" or artifact.metadata.get(key.removeprefix("metadata.")) == float(value)
