"""The judgement on a directory, as the directory service uses it; it lives with the other signatures."""

from broker.crypto.directories import Accept, DirectoryBrokenError, Refuse, judge_directory, reopen_directory

__all__ = ["Accept", "DirectoryBrokenError", "Refuse", "judge_directory", "reopen_directory"]
