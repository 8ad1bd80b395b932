"""The errors and warnings that users are meant to read."""

from __future__ import annotations


class PinpointError(ValueError):
    """Something the user gave cannot be used; the message says what, what was expected and what to do.

    The command line prints it and ends with code 2; napari shows it as a notification. Neither shows a traceback.
    """


class PixelSizeNeeded(PinpointError):
    """A file is in nanometres and does not say how large a pixel is: whoever can ask the user does so."""


class PinpointWarning(UserWarning):
    """The run goes on, but its result may not be what the user expects."""
