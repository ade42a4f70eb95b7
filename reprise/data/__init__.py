"""Tables: where they come from, how they are read, what their columns are, how they are fingerprinted and split."""
