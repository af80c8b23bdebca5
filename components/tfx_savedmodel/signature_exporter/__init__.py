"""SignatureExporter: a trained model becomes a SavedModel with exactly the signatures of a plan."""
