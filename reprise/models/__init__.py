"""Models: what they are made of, how they are logged, checked, loaded, and named in the registry."""
