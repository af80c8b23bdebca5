"""What is true of the corpus's models, gathered without any of the validator's code.

`python -m tests.corpus.evidence` asks TensorFlow itself (its protos, its loaders, `saved_model_cli`), h5py and
zipfile, each model in a process of its own without a network, and writes the files of `tests/truth`.
"""
