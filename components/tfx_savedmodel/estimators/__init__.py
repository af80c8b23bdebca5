"""Estimators: receivers, and the conversion of Keras models in a process of its own."""
