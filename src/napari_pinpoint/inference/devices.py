"""What to compute on, and in words why."""

from __future__ import annotations

import shutil
import warnings

import torch

from napari_pinpoint.errors import PinpointError


def choose_device(device: str = "auto") -> torch.device:
    """The device to compute on: "auto" takes CUDA, then MPS, then the CPU; any other name must be there."""
    if device == "auto":
        if _cuda_problem() is None:
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise PinpointError(f"There is no device {device!r}; give auto, cpu, cuda, cuda:N or mps.") from None
    problem = _problem(chosen)
    if problem is not None:
        raise PinpointError(f"The device {device!r} is not available here: {problem}. Use --device auto or cpu.")
    return chosen


def describe_device(device: str = "auto") -> str:
    """What a run on that device computes on, in a sentence or two for users; where no GPU is used, why not.

    Raises
    ------
    PinpointError
        If the device is not available, as `choose_device`.

    Examples
    --------
    >>> describe_device("cpu").startswith("Computes on the processor (")
    True
    """
    chosen = choose_device(device)
    if chosen.type == "cuda":
        card = torch.cuda.get_device_properties(chosen)
        return f"Computes on the graphics card ({card.name}, {card.total_memory / 2**30:.0f} GB)."
    if chosen.type == "mps":
        return "Computes on the graphics processor of this Mac."
    threads = torch.get_num_threads()
    processor = f"Computes on the processor ({threads} thread{'s' if threads != 1 else ''})"
    if device != "auto":
        return f"{processor}, as chosen."
    return f"{processor}, not on a graphics card: {_cuda_problem()}."


def _problem(device: torch.device) -> str | None:
    """Why a device cannot be used, None where it can."""
    match device.type:
        case "cpu":
            return None
        case "cuda":
            return _cuda_problem(device.index or 0)
        case "mps":
            return None if torch.backends.mps.is_available() else "this is not a Mac with a graphics processor"
        case _:
            return "napari-pinpoint does not know how to use it"


def _cuda_problem(index: int = 0) -> str | None:
    """Why an NVIDIA (or AMD) card cannot be used and what to do, None where it can; tried out by a small sum."""
    if not (torch.version.cuda or torch.version.hip):
        if shutil.which("nvidia-smi"):
            return (
                f"there is one from NVIDIA, but this PyTorch ({torch.__version__}) was installed without support for "
                "it. Install the one that fits your system, as pytorch.org tells under Get Started"
            )
        return "none from NVIDIA was found"
    with warnings.catch_warnings(record=True) as said:  # torch tells of a driver that is too old in a warning
        warnings.simplefilter("always")
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count == 0:
        detail = f" (PyTorch says: {_first_line(said[0].message)})" if said else ""
        return f"none from NVIDIA that works was found. If there is one, update its driver{detail}"
    if index >= count:
        return f"there are {count}, counted from 0"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.ones(1, device=f"cuda:{index}").sum().item()
    except RuntimeError as error:
        name = torch.cuda.get_device_name(index)
        return (
            f"{name} does not work with this PyTorch ({torch.__version__}): {_first_line(error)}. "
            "Another program may have taken its memory; or the card is too old for this PyTorch, or its driver is"
        )
    return None


def _first_line(message: object) -> str:
    return str(message).strip().splitlines()[0].rstrip(".") if str(message).strip() else "nothing"
