"""The tracking store: filling runs, sealing and reading records, and access to the store."""
