"""What is true of the corpus's models, gathered without any of the validator's code.

`python -m tests.corpus.evidence FOLDER` asks TensorFlow itself (its protos, its loaders, `saved_model_cli`), h5py and
zipfile, each question in a process without a network, and writes the answers into FOLDER, one file a model.
`python -m tests.corpus.evidence.truths FOLDER` concludes the files of `tests/truth` of them. It wants TensorFlow
2.15 and Linux (`unshare`).
"""
