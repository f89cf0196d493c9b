"""Notices to people on duty that something is owed: whom, when, in which words, over which wire. No personal data."""
