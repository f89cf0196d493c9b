"""What leaves: published, sealed, queued, and mended after a loss."""
