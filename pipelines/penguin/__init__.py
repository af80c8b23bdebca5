"""The penguin pipeline: from a CSV file to a pushed model, through all three components."""
