"""What SM101 finds in a Keras file."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator

from tfx_savedmodel.saved_model.keras_files import KERAS_ZIP, KerasFile
from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.validation.result import Finding

_AGAIN = "save or copy the model again, whole"
_H5_NAMES = (".h5", ".hdf5")


def find_in_keras_file(graph: GraphView, *, checksums: bool) -> Iterator[Finding]:
    """Yield what is wrong with a Keras file as a file."""
    where = {"file": graph.path.name}
    if graph.fault is not None:
        yield Finding(graph.fault, where, next=_AGAIN)
    file = graph.keras
    if file is None:
        return
    if file.config is None:
        yield Finding(
            "the file holds weights and no model",
            where,
            found=file.described,
            wanted="a model with its configuration",
            next="save the model itself, with model.save",
        )
    elif not file.has_weights:
        yield Finding(
            "the file holds a model and no weights", where, found=file.described, wanted="its weights too", next=_AGAIN
        )
    yield from _name(file)
    if checksums and file.form == KERAS_ZIP:
        yield from _members(file)


def _name(file: KerasFile) -> Iterator[Finding]:
    suffix = file.path.suffix.lower()
    is_zip = file.form == KERAS_ZIP
    if (suffix == ".keras" and not is_zip) or (suffix in _H5_NAMES and is_zip):
        yield Finding(
            f"the name says {suffix}, the bytes are {'a .keras archive' if is_zip else 'HDF5'}",
            {"file": file.path.name},
            found=file.form,
            wanted=f"what {suffix} stands for: Keras goes by the name",
            next=f"rename it to {file.path.stem}{'.keras' if is_zip else '.h5'}",
        )


def _members(file: KerasFile) -> Iterator[Finding]:
    with zipfile.ZipFile(file.path) as archive:
        bad = archive.testzip()
    if bad is not None:
        where = {"file": file.path.name, "member": bad}
        yield Finding(f"the member {bad} of the archive has another checksum than it says", where, next=_AGAIN)
