"""The tracking store: runs that are filled, records that are sealed and read again, the files of the store itself."""
