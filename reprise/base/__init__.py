"""What every other package uses: errors, the terminal, paths, processes, limits."""
