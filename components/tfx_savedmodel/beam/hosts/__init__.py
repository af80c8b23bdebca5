"""Processes in which a model runs, apart from the worker's own: what ends one of them is told, and the rest goes on."""
