"""The directory in use: made and changed by k of n roots, kept on disk with its history, rendered for the bus."""
