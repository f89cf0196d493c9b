"""What goes wrong when a directory is made or changed."""

from broker.errors import ConfigurationError, RejectedError


class ChangeRefusedError(RejectedError):
    """The change may not be made."""

    code = "directory-change-refused"
    advice = "Correct the command; 'handrail directory show' lists members, keys and areas."


class UnknownAreaError(ChangeRefusedError):
    """No local authority has this code."""

    code = "unknown-area"
    advice = "Look the code up with 'handrail areas lookup'."


class NoDirectoryError(ConfigurationError):
    """There is no directory here."""


class AlreadyThereError(ChangeRefusedError):
    """There is a directory already."""

    code = "directory-exists"
    advice = "Use it, or name another folder with --data."
