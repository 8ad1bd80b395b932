"""Values that JSON knows, out of those that computations give."""

from __future__ import annotations

import math
from typing import Any


def plain(value: Any) -> Any:
    """The same with numpy's numbers and arrays as Python's, and None for what is not finite.

    Examples
    --------
    >>> plain({"rmse": float("nan"), "n": (1, 2)})
    {'rmse': None, 'n': [1, 2]}
    """
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value
