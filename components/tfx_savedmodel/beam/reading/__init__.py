"""Files of examples, in whatever form: planned as shards, read in batches, as columns where somebody needs columns."""
