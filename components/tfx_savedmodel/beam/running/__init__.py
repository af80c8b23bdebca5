"""Batches of examples through a model, on a worker: fed, run once for each signature, measured for every check."""
