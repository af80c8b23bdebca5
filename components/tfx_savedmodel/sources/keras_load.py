"""Opening a Keras file that was looked at: does it fit the Keras that runs, and what Keras makes of it."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel import versions
from tfx_savedmodel.errors import UnreadableModelError, UnsafeModelError, UnsupportedModelError
from tfx_savedmodel.saved_model.keras_files import H5_MODEL, H5_WEIGHTS, KERAS_ZIP, V3_WEIGHTS, KerasFile
from tfx_savedmodel.saved_model.temporary import temporary_folder
from tfx_savedmodel.sources.keras_library import generation_of, is_a, keras_of, the_keras
from tfx_savedmodel.sources.keras_objects import OF_PLANS, Advice, custom_objects, judged_config, refuse_code
from tfx_savedmodel.sources.module_file import ModuleFile

#: The names by which Keras tells the forms of files apart.
_NAMES = {
    KERAS_ZIP: "model.keras",
    H5_MODEL: "model.h5",
    H5_WEIGHTS: "weights-only.h5",
    V3_WEIGHTS: "model.weights.h5",
}


def load_keras_file(
    file: KerasFile,
    *,
    allowed: Collection[str] = (),
    allow_lambda: bool = False,
    module: ModuleFile | None = None,
    compiled: bool = False,
    advice: Advice = OF_PLANS,
) -> Any:
    """Return the Keras model in a file, having judged its configuration first.

    Without `compiled`, what it was compiled with is not looked at: losses and metrics of the author's own
    are not needed to run the model.

    Raises:
      UnsafeModelError, UnreadableModelError: as `refuse_code`; or a file without weights.
      UnsupportedModelError: written by another Keras, or Keras cannot load it.
      UsageError: an allowed object cannot be found.
    """
    with keras_of(file.keras_version):
        config = judged_config(file, compiled=compiled)
        refuse_code(config, str(file.path), allowed, allow_lambda=allow_lambda, advice=advice)
        if not allow_lambda:
            refuse_pickles(file)
        refuse_other_keras(file, advice)
        refuse_half(file, advice)
        objects = custom_objects(config, allowed, module)
        with properly_named(file) as path:
            try:
                return the_keras().models.load_model(
                    path, custom_objects=objects, compile=compiled, safe_mode=not allow_lambda
                )
            except Exception as error:  # Keras raises every kind.
                raise misfit(file, error) from error


def refuse_pickles(file: KerasFile) -> None:
    """Let a file pass whose weights are numbers; Keras 2 unpickles what `model.weights.npz` holds besides.

    Raises:
      UnsafeModelError: they are pickled Python objects.
    """
    if file.pickled:
        raise UnsafeModelError(
            "the weights are pickled Python objects, which loading would unpack and run",
            where=str(file.path),
            found=", ".join(file.pickled[:5]),
            wanted="weights in model.weights.h5",
            next_step="save the model with its weights in HDF5; or --allow Lambda, as for code, if you wrote them",
        )


def refuse_half(file: KerasFile, advice: Advice = OF_PLANS) -> None:
    """Refuse a model without weights, and weights without a model."""
    if file.has_weights and file.config is not None:
        return
    raise UnreadableModelError(
        "a model without its weights" if file.config is not None else "weights without their model",
        where=str(file.path),
        found=file.described,
        wanted="both in one file",
        next_step=advice.build if file.config is None else "save the model with model.save",
    )


def refuse_other_keras(file: KerasFile, advice: Advice = OF_PLANS) -> None:
    """Refuse a model of Keras 3 under Keras 2, which stumbles over its configuration without saying why."""
    if file.config is None or not file.keras_version:
        return
    written, running = versions.release(file.keras_version), versions.release(keras_version())
    if written[:1] >= (3,) > running[:1]:
        first, above = versions.FIRST_TENSORFLOW_WITH_KERAS_3, versions.SUPPORTED["tensorflow"][1]
        raise UnsupportedModelError(
            "the model was written by a newer Keras",
            where=str(file.path),
            found=file.described,
            wanted=f"a model of Keras 2: this is Keras {keras_version()}",
            next_step=f"{advice.verb} it in an environment with TensorFlow {first} or later, which has Keras 3 "
            f"(pip install 'tensorflow>={first},<{above}' and tfx-savedmodel); or {advice.build}",
        )


def misfit(file: KerasFile, error: Exception) -> UnsupportedModelError:
    """Return an error that names the version in a file and the one that runs."""
    reason = f"{type(error).__name__}: {error}".strip()
    return UnsupportedModelError(
        "Keras cannot load the model",
        where=str(file.path),
        found=f"{file.described}; {reason}",
        wanted=f"a file that this Keras, {keras_version()}, loads",
        next_step="load it where it was written and save it there as H5 or a SavedModel, or under this Keras",
    )


def keras_version() -> str:
    """Return the version of the Keras that TensorFlow runs; where Keras 2 lies beside Keras 3, of the latter."""
    return versions.installed("keras") or ""


def is_keras_3(model: Any = None) -> bool:
    """Tell whether a model is of Keras 3; without one, whether TensorFlow's Keras is."""
    if model is not None:
        return generation_of(model) == 3
    import tensorflow as tf

    return versions.release(getattr(tf.keras, "__version__", "2"))[:1] >= (3,)


def is_keras_object(value: Any) -> bool:
    """Tell whether a value is a layer or model of Keras."""
    return is_a(value, "layers.Layer")


@contextlib.contextmanager
def properly_named(file: KerasFile) -> Iterator[str]:
    """Yield a path to the file whose name says its form: Keras goes by names, and models have any."""
    wanted = _NAMES[file.form]
    suffixes = {KERAS_ZIP: (".keras",), V3_WEIGHTS: (".weights.h5",)}.get(file.form, (".h5", ".hdf5"))
    name = file.path.name
    fits = name.endswith(suffixes) and (file.form == V3_WEIGHTS or not name.endswith(".weights.h5"))
    if fits:
        yield str(file.path)
        return
    with temporary_folder() as folder:
        link = Path(folder) / wanted
        link.symlink_to(file.path.resolve())
        yield str(link)


def unbuilt(where: str, found: Mapping[str, Any] | str) -> UnsupportedModelError:
    """Return the error for a Keras model whose inputs nobody knows yet."""
    return UnsupportedModelError(
        "the Keras model was never built: its inputs are not known",
        where=where,
        found=str(found),
        wanted="a functional or Sequential model with an Input, or one that was called once",
        next_step="call it once on a batch before it is saved or returned, such as model(tf.zeros([1, 4]))",
    )
