"""Event types by theme. ``base`` holds what all share; ``schemas.catalogue`` lists them."""
