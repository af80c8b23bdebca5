"""Answers on their way out of a loader's process: arrays in files, bounded, and nothing that is unpickled."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.saved_model.dtypes import numpy_dtype

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]
    Arrays = Mapping[str, Array]

_HEAD = "head"


def size_of(outputs: Arrays) -> int:
    """Return about how many bytes outputs take in a file."""
    return sum(_size(array) for array in outputs.values())


def write_answers(file: Path, outputs: Mapping[str, Arrays]) -> None:
    """Write outputs by name, of several runs by theirs: numbers as their bytes, strings one after the other.

    `outputs` maps a run's name to outputs by name; dtypes are those of `numpy_dtype`, strings objects of type bytes.
    """
    import numpy as np

    parts: dict[str, Array] = {}
    head: list[dict[str, Any]] = []
    for run, arrays in outputs.items():
        for name, array in arrays.items():
            key = str(len(head))
            array = np.asarray(array)
            head.append({"run": run, "name": name, "dtype": _name(array), "shape": list(array.shape)})
            if array.dtype == object:
                texts = [bytes(text) for text in array.reshape(-1).tolist()]
                parts[f"{key}.lengths"] = np.array([len(text) for text in texts], dtype=np.int64)
                parts[key] = np.frombuffer(b"".join(texts), dtype=np.uint8)
            else:
                parts[key] = np.frombuffer(np.asarray(array, order="C").tobytes(), dtype=np.uint8)
    parts[_HEAD] = np.frombuffer(json.dumps(head).encode(), dtype=np.uint8)
    np.savez(file, **parts)


def read_answers(file: Path, most_bytes: int) -> dict[str, dict[str, Array]]:
    """Return what `write_answers` wrote, run by run.

    The process that wrote it has run a model: the file is measured before it is read.

    Raises:
      ValueError: the file is torn, larger than `most_bytes`, or not what was written.
    """
    import numpy as np

    try:
        with zipfile.ZipFile(file) as archive:
            size = sum(item.file_size for item in archive.infolist())
        if size > most_bytes:
            raise ValueError(f"the answers take {size} bytes, at most {most_bytes} are read")
        found: dict[str, dict[str, Array]] = {}
        with np.load(file, allow_pickle=False) as parts:
            for key, item in enumerate(json.loads(parts[_HEAD].tobytes())):
                found.setdefault(item["run"], {})[item["name"]] = _array(parts, str(key), item)
        return found
    except (zipfile.BadZipFile, OSError, KeyError, TypeError, EOFError) as error:
        raise ValueError(f"the answers cannot be read: {error}") from error


def _array(parts: Any, key: str, item: Mapping[str, Any]) -> Array:
    import numpy as np

    content = parts[key].tobytes()
    if item["dtype"] != "string":
        return np.frombuffer(content, dtype=numpy_dtype(item["dtype"])).reshape(item["shape"])
    texts = np.empty(len(parts[f"{key}.lengths"]), dtype=object)
    start = 0
    for place, length in enumerate(parts[f"{key}.lengths"].tolist()):
        texts[place] = content[start : start + length]
        start += length
    return texts.reshape(item["shape"])


def _name(array: Array) -> str:
    if array.dtype == object:
        return "string"
    return str(array.dtype.names[0] if array.dtype.names else array.dtype.name)


def _size(array: Array) -> int:
    return sum(map(len, array.reshape(-1).tolist())) + 8 * array.size if array.dtype == object else array.nbytes
