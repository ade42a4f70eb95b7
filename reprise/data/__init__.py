"""Tables: their sources, columns, fingerprints and splits."""
