"""One file per verb. Components, command line and `import tfx_savedmodel` call these, nothing deeper."""
