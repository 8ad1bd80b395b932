"""Schedule: a number that changes over a training."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, model_validator


class Schedule(BaseModel, extra="forbid", frozen=True):
    """A value that goes from `start` to `end` between the shares `begin` and `finish` of the training.

    A plain number stands for a constant.

    Examples
    --------
    >>> width = Schedule(start=1.0, end=0.25, finish=0.5, shape="exponential")
    >>> width.at(0.0), width.at(0.25), width.at(0.9)
    (1.0, 0.5, 0.25)
    """

    start: float
    end: float
    begin: float = 0.0
    finish: float = 1.0
    shape: Literal["linear", "exponential"] = "linear"

    @model_validator(mode="before")
    @classmethod
    def _constant(cls, value: Any) -> Any:
        return {"start": value, "end": value} if isinstance(value, int | float) else value

    @model_validator(mode="after")
    def _ordered(self) -> Schedule:
        if not 0 <= self.begin <= self.finish <= 1:
            raise ValueError(f"a schedule needs 0 <= begin <= finish <= 1, not {self.begin} and {self.finish}")
        if self.shape == "exponential" and min(self.start, self.end) <= 0:
            raise ValueError("an exponential schedule needs a start and an end above 0")
        return self

    def at(self, progress: float) -> float:
        """The value at a share of the training between 0 and 1."""
        if progress >= self.finish:
            return self.end
        share = max(0.0, (progress - self.begin) / (self.finish - self.begin))
        if self.shape == "exponential":
            return float(self.start * (self.end / self.start) ** share)
        return self.start + (self.end - self.start) * share
