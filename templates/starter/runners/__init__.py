"""Where the pipeline runs: `local`, `beam` (the heavy steps on a cluster) and `kubeflow_v2`."""
