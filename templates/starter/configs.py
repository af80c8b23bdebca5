"""Every setting of this pipeline. The runners, the tests and the Makefile read it from here."""

from __future__ import annotations

from pathlib import Path

HOME = Path(__file__).resolve().parent

#: The pipeline's name in the metadata store, on Kubeflow and of the served model.
# <name>
NAME = "starter"
# </name>

# What the columns of data/*.csv are. A column that is named nowhere here is not used.
# <columns>
#: What the model predicts; never an input.
LABEL = "species"
#: The values of the label, in the order of the model's scores; empty for a regression.
CLASSES: tuple[str, ...] = (
    "Adelie",
    "Chinstrap",
    "Gentoo",
)
#: Numbers: z-scores, a missing one is the mean.
NUMBERS: tuple[str, ...] = (
    "bill_length_mm",
    "bill_depth_mm",
    "flipper_length_mm",
    "body_mass_g",
    "year",
)
#: Dates that begin YYYY-MM-DD, YYYY/MM/DD or YYYY.MM.DD: z-scores of their days.
DATES: tuple[str, ...] = ()
#: Strings, each with so many values that get a place of their own; one more place is for all others and a missing one.
CATEGORIES: dict[str, int] = {
    "island": 3,
    "sex": 2,
}
# </columns>

# Training.
BATCH_SIZE = 32
EPOCHS = 40
HIDDEN_UNITS = (32, 16)
LEARNING_RATE = 3e-3
SEED = 1

# Files that are reviewed like code.
DATA = HOME / "data"
PREPROCESSING = HOME / "transforming" / "preprocessing.py"
MODEL = HOME / "training" / "model.py"
#: Which signatures the exported model has.
PLAN = HOME / "signatures.json"
#: Which checks the exported model has to pass.
POLICY = HOME / "policy.json"
#: What clients rely on, written by `make contract`; a model that breaks it is neither pushed nor merged.
CONTRACT = HOME / "contract.json"

#: Where the local runner writes.
BUILD = HOME / "build"

#: On Kubeflow: the image that `make image` builds and you push, and the folder of this repository in it.
IMAGE = f"localhost/{NAME}:latest"
IMAGE_HOME = "/pipeline"
#: FnApiRunner runs in this process; DirectRunner would first try to download another runner. The image is for workers
#: elsewhere: where none is named, TFX packs itself anew for every step.
LOCAL_BEAM_ARGS = (
    "--runner=FnApiRunner",
    "--direct_running_mode=in_memory",
    f"--sdk_container_image={IMAGE}",
)

#: The steps that go through all examples: Beam's arguments for a cluster are for them.
HEAVY = ("CsvExampleGen", "StatisticsGen", "Transform", "SavedModelValidator")
#: On Kubeflow: CPUs and gigabytes of memory, by step; others have the cluster's default.
RESOURCES = {
    "Transform": (2.0, 8.0),
    "Trainer": (2.0, 8.0),
    "SavedModelValidator": (2.0, 8.0),
}


def preprocessing_settings() -> dict[str, object]:
    """Return what transforming/preprocessing.py gets as `custom_config`."""
    return {
        "label": LABEL,
        "classes": list(CLASSES),
        "numbers": list(NUMBERS),
        "dates": list(DATES),
        "categories": CATEGORIES,
    }


def training_settings() -> dict[str, object]:
    """Return what training/model.py gets as `custom_config`."""
    return {
        "name": NAME,
        "label": f"{LABEL}_label",
        "classes": list(CLASSES),
        "hidden_units": list(HIDDEN_UNITS),
        "batch_size": BATCH_SIZE,
        "epochs": EPOCHS,
        "learning_rate": LEARNING_RATE,
        "seed": SEED,
    }
