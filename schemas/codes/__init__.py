"""Real code sets, one module per subject; a value is the code as its source spells it."""
