"""Format adapters: pure mappings from what a case system writes to events. They read, judge and report; they send nothing."""
