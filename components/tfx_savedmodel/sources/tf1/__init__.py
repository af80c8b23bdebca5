"""TF1 sources that are no SavedModels: each is made into one, which then goes the way of all TF1 SavedModels."""
