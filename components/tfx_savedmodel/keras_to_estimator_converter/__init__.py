"""KerasToEstimatorConverter: a trained Keras model becomes an Estimator SavedModel and a checkpoint."""
