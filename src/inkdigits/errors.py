"""The one exception that a user is meant to see."""


class UserError(Exception):
    """What a user can put right: one sentence that names the value met and what would have been right."""
