"""Fitting a model to an old consumer: what it lacks, and the edits that keep the meaning."""
