"""Complete, runnable pipelines: one folder each."""
