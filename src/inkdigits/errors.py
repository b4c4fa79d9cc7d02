"""The exceptions that a user is meant to see."""


class UserError(Exception):
    """What a user can put right: one sentence that names the value met and what would have been right."""


class ArgumentError(UserError):
    """The same, where it is an option or argument that was wrong: the command line leaves with status 2."""
