"""The errors and warnings that users are meant to read."""

from __future__ import annotations


class PinpointError(ValueError):
    """Something the user gave cannot be used; the message says what, what was expected and what to do.

    The command line prints it and ends with code 2; napari shows it as a notification. Neither shows a traceback.
    """


class ConventionNeeded(PinpointError):
    """A file does not say what its numbers mean: whoever can ask the user does so.

    `options` names what is missing, of `pixel_size_nm`, `unit`, `origin` and `first_frame`.
    """

    def __init__(self, message: str, *, options: tuple[str, ...]) -> None:
        super().__init__(message)
        self.options = options


class PixelSizeNeeded(ConventionNeeded):
    """A file is in nanometres and does not say how large a pixel is: only that is missing."""

    def __init__(self, message: str) -> None:
        super().__init__(message, options=("pixel_size_nm",))


class PinpointWarning(UserWarning):
    """The run goes on, but its result may not be what the user expects."""
