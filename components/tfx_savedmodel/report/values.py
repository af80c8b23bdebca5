"""Values as readable text, and as JSON that every parser reads.

Everything that a model's author could have written passes through `visible`, so that a hostile
name can neither drive a terminal nor reorder the text around it.
"""

from __future__ import annotations

import enum
import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

_MAX_LIST = 12

#: Characters of one text of the model that a page shows; a name can be as long as its author likes.
LONGEST = 400


def visible(text: str) -> str:
    """Return the text with control, direction-changing and lone surrogate characters written out."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_visible_character, text))


def _visible_character(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Cs"):
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def one_line(text: str) -> str:
    """Return the visible text on one line."""
    return " ".join(visible(text).split())


def clip(text: str, longest: int = LONGEST) -> str:
    """Return the text, or where it is too long its two ends with the number of characters between them."""
    if len(text) <= longest:
        return text
    head, tail = longest * 3 // 4, longest // 4
    left_out = format_value(len(text) - head - tail)
    return f"{text[:head]} … {left_out} more characters … {text[-tail:]}"


def plain(value: Any, *, sort: bool = False) -> Any:
    """Return a value as JSON holds it: string keys, finite numbers, strings for the rest.

    NaN and the infinities become "NaN", "Infinity" and "-Infinity", numpy scalars and arrays plain
    numbers and lists. With `sort` mappings are in the order of their keys, else in their own.
    """
    if isinstance(value, enum.Enum):
        return plain(value.value, sort=sort)
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else _not_finite(value)
    if isinstance(value, Mapping):
        keys = sorted(value, key=str) if sort else value
        return {str(key): plain(value[key], sort=sort) for key in keys}
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [plain(item, sort=sort) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return value.decode("utf-8", "backslashreplace") if isinstance(value, (bytes, bytearray)) else str(value)


def _not_finite(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def format_value(value: Any) -> str:
    """Return a measurement as a person reads it: numbers grouped and short, lists joined."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\u202f")
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{one_line(str(key))} {format_value(item)}" for key, item in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        shown = ", ".join(map(format_value, value[:_MAX_LIST]))
        return f"{shown}, … {len(value) - _MAX_LIST} more" if len(value) > _MAX_LIST else shown or "none"
    return visible(str(value))


def format_shape(shape: Sequence[int | None] | None) -> str:
    """Return a shape: `[?, 3]` with `?` for an open dimension, `scalar`, or `unknown rank`."""
    if shape is None:
        return "unknown rank"
    return f"[{', '.join('?' if size is None else str(size) for size in shape)}]" if shape else "scalar"


def format_bytes(count: float) -> str:
    """Return a size with its unit, in thousands: `812 B`, `1.3 MB`."""
    if count < 1000:
        return f"{count:.0f} B"
    for unit in ("kB", "MB", "GB"):
        count /= 1000
        if count < 999.5:
            return f"{count:.3g} {unit}"
    return f"{count / 1000:.3g} TB"


def format_seconds(seconds: float) -> str:
    """Return a duration: `3 ms`, `1.4 s`, `2 min 5 s`."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.0005 else "0 ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def format_milliseconds(milliseconds: float) -> str:
    """Return a duration with its small parts: `0.42 ms`, `3.14 ms`, `120 ms`, `1.4 s`."""
    return f"{milliseconds:.3g} ms" if milliseconds < 999.5 else format_seconds(milliseconds / 1000)


def format_short(value: float, digits: int = 3) -> str:
    """Return a number in few characters: `0`, `0.25`, `1.96e-6`, `20k`."""
    if value >= 10_000:
        for unit, size in (("k", 1e3), ("M", 1e6), ("G", 1e9)):
            if value < size * 999.5:
                return f"{value / size:.{max(2, digits)}g}{unit}".replace("e+02", "00")
    text = f"{value:.0f}" if 99.5 <= value < 10_000 else f"{value:.{digits}g}"
    mantissa, exponent, power = text.partition("e")
    return f"{mantissa}e{int(power)}" if exponent else text


def format_place(where: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return a finding's place as (kind, text) pairs, in the order in which the check wrote them."""
    return [(one_line(str(kind)), format_value(value)) for kind, value in where.items() if value is not None]
