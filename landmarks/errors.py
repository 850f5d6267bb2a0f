"""Errors that a user's input can cause; each message is one whole sentence."""


class InputError(ValueError):
    """Something given cannot be used; the message says what, where and what would be right."""


class ImageError(InputError):
    """A file is not a picture that can be read."""


class PointsError(InputError):
    """A file or array does not hold landmarks."""
