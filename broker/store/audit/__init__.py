"""A board's query store: a disposable projection of the audit entries, rebuilt from AUDIT at any time."""
