"""Whatever the bytes, validation ends with a verdict: files of real models, damaged at random."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tfx_savedmodel.errors import TfxSavedModelError
from tfx_savedmodel.operations.validate import validate
from tfx_savedmodel.validation.result import CheckVerdict, Verdict

pytestmark = pytest.mark.unit

MODELS = ("tf__half_plus_two", "tf__half_plus_two_v2", "tf__half_plus_two_pbtxt", "tf__StaticHashTableModule")
KERAS_FILES = ("keras__pr_fixed_model.keras", "pypi_mmsplice__Donor.h5")
FEW, MANY = 25, 500


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _flip(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randrange(1, 9)):
        if changed:
            changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _repeat(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data) + 1)
    end = min(len(data), start + chance.randrange(1, 200))
    return data[:end] + data[start:end] * chance.randrange(1, 4) + data[end:]


def _forget(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data) + 1)
    return data[:start] + data[start + chance.randrange(1, 100) :]


def _stuff(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data) + 1)
    return data[:place] + chance.randbytes(chance.randrange(1, 60)) + data[place:]


DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (_cut, _flip, _repeat, _forget, _stuff)


def judge(model: Path) -> None:
    """Ask the graph checks of a damaged model: a verdict, and no check that breaks."""
    report = validate(model, policy="untrusted")
    broken = [f"{check.code}: {check.reason}" for check in report.checks if check.verdict is CheckVerdict.ERROR]
    assert broken == []
    assert report.verdict in (Verdict.BLESSED, Verdict.NOT_BLESSED)


@pytest.mark.parametrize("times", [FEW, pytest.param(MANY, marks=pytest.mark.full)])
@pytest.mark.parametrize("name", [*MODELS, *KERAS_FILES])
def test_a_damaged_file_ends_in_a_verdict(corpus: Path, tmp_path: Path, name: str, times: int) -> None:
    source = corpus / "models" / name
    chance = random.Random(f"{name} {times}")
    files = sorted(file.relative_to(source) for file in source.rglob("*") if file.is_file())
    for number in range(times):
        model = tmp_path / "model"
        shutil.copytree(source, model, copy_function=shutil.copyfile)
        victim = chance.choice(files)
        damaged = chance.choice(DAMAGES)((source / victim).read_bytes(), chance)
        (model / victim).write_bytes(damaged)
        target = model / victim if name in KERAS_FILES else model
        try:
            judge(target)
        except TfxSavedModelError as error:
            raise AssertionError(f"damage {number} of {victim}: {error}") from error
        except AssertionError as error:
            kept = tmp_path / "kept"
            shutil.copytree(model, kept)
            raise AssertionError(f"damage {number} of {victim}, kept at {kept}: {error}") from error
        shutil.rmtree(model)
