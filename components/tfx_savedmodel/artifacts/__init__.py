"""What the components share of TFX: artifacts as local directories, wherever their URIs point."""
