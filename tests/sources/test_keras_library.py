"""Which Keras does the work where two are installed, and where one is."""

from __future__ import annotations

import pytest

from tfx_savedmodel import versions
from tfx_savedmodel.sources import keras_library

pytestmark = pytest.mark.unit

BOTH = {"keras": "3.15.1", "tf_keras": "2.21.0"}
NEW, OLD = {"keras": "3.15.1"}, {"keras": "2.15.0"}


def of_room(room: str) -> object:
    """An object of the author's own class, below one of a package."""
    theirs = type("Model", (), {"__module__": f"{room}.src.models"})
    return type("Own", (theirs,), {"__module__": "my_model"})()


@pytest.mark.parametrize(
    ("stack", "room", "generation"),
    [
        (BOTH, "keras", 3),
        (BOTH, "tf_keras", 2),
        (NEW, "keras", 3),
        (OLD, "keras", 2),
        (BOTH, "keras_tuner", None),
        (BOTH, "tensorflow", None),
    ],
    ids=str,
)
def test_an_object_says_of_which_keras_it_is(
    monkeypatch: pytest.MonkeyPatch, stack: dict[str, str], room: str, generation: int | None
) -> None:
    monkeypatch.setattr(versions, "installed", stack.get)
    assert keras_library.generation_of(of_room(room)) == generation


@pytest.mark.parametrize(
    ("stack", "written", "variable"),
    [(BOTH, "2.15.0", "1"), (BOTH, "3.9.2", "0"), (BOTH, "", None), (NEW, "2.15.0", None), (OLD, "3.0.0", None)],
    ids=str,
)
def test_a_process_gets_the_keras_that_wrote_the_model(
    monkeypatch: pytest.MonkeyPatch, stack: dict[str, str], written: str, variable: str | None
) -> None:
    monkeypatch.setattr(versions, "installed", stack.get)
    assert keras_library.variables_for(written) == ({} if variable is None else {"TF_USE_LEGACY_KERAS": variable})
