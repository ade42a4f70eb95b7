"""The code of a run: git, checkouts, repositories, clones, patches, and secrets that none of them may hold."""
