"""The code of a run: git, checkouts, repositories, clones, patches, and the exclusion of secrets."""
