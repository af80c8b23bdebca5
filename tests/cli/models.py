"""SavedModels written by hand, as text: no TensorFlow is needed to have one."""

from __future__ import annotations

from pathlib import Path

_FLOATS = "dtype: DT_FLOAT tensor_shape { dim { size: -1 } dim { size: 4 } }"
_TEXT = """
saved_model_schema_version: 1
meta_graphs {
  meta_info_def { tags: "serve" tensorflow_version: "2.15.1" }
  graph_def {
    node {
      name: "x" op: "Placeholder"
      attr { key: "dtype" value { type: DT_FLOAT } }
      attr { key: "shape" value { shape { dim { size: -1 } dim { size: 4 } } } }
    }
    node { name: "y" op: "Identity" input: "x" attr { key: "T" value { type: DT_FLOAT } } }
  }
  signature_def {
    key: "%(signature)s"
    value {
      inputs { key: "features" value { name: "x:0" %(floats)s } }
      outputs { key: "%(output)s" value { name: "y:0" %(floats)s } }
      method_name: "tensorflow/serving/predict"
    }
  }
}
"""


def write_model(directory: Path, *, signature: str = "serving_default", output: str = "scores") -> Path:
    """Write a SavedModel that gives back its float32 [?, 4] input, and return its directory."""
    directory.mkdir(parents=True, exist_ok=True)
    text = _TEXT % {"signature": signature, "output": output, "floats": _FLOATS}
    (directory / "saved_model.pbtxt").write_text(text, encoding="utf-8")
    return directory
