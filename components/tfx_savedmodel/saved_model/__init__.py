"""The SavedModel format itself: read without TensorFlow, locate, load natively, publish."""
