"""The signature plan: its kinds, resolving it against a model, building it."""
