"""Engines for Beam pipelines, on this machine's loopback: a Flink cluster and Spark, each with its job server."""
