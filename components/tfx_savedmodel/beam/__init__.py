"""Examples through Beam: files become shards, shards become batches on a worker, batches are measured."""
