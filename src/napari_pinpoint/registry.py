"""Registry: names, one line each, and where the thing is, loaded on use.

One class serves methods, decoders, backbones, scenes, losses and table formats. Reading the names (for a menu or for
`--help`) imports nothing; third parties add entries by an entry point in the group `napari_pinpoint.<kind>`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, Field, ValidationError, model_validator

from napari_pinpoint.errors import PinpointError

T = TypeVar("T")


@dataclass(frozen=True)
class Entry:
    """A registered thing: its name, one line for menus, and `"module:attribute"`."""

    name: str
    summary: str
    target: str
    package: str | None = None  # the distribution of a third party

    def load(self) -> Any:
        module, _, attribute = self.target.partition(":")
        try:
            return getattr(import_module(module), attribute)
        except Exception as error:
            if self.package is None:
                raise
            raise PinpointError(
                f"{self.name!r} from {self.package} cannot be loaded from {self.target}: {error}. "
                f"Update or uninstall {self.package}."
            ) from error


class Part(BaseModel, extra="forbid", frozen=True):
    """A thing out of a registry: its name and its options. A name alone stands for its defaults.

    Examples
    --------
    >>> Part.model_validate("unet")
    Part(name='unet', options={})
    """

    name: str
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value


class Registry(Generic[T]):
    """What can be chosen by name.

    Parameters
    ----------
    kind
        What the entries are, in the singular, as error messages name it ("table format").
    builtin
        ``(name, one line, "module:attribute")`` of what ships.

    Examples
    --------
    >>> numbers = Registry("constant", ("pi", "The ratio of circumference to diameter.", "math:pi"))
    >>> numbers.names()
    ('pi',)
    >>> round(numbers["pi"], 2)
    3.14
    """

    def __init__(self, kind: str, *builtin: tuple[str, str, str]) -> None:
        self.kind = kind
        self.group = "napari_pinpoint." + kind.replace(" ", "_") + ("es" if kind.endswith("s") else "s")
        self._builtin = {name: Entry(name, summary, target) for name, summary, target in builtin}

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """All entries by name; built-in ones cannot be replaced by an installed package."""
        found = dict(self._builtin)
        for point in entry_points(group=self.group):
            package = point.dist.name if point.dist else "an installed package"
            found.setdefault(point.name, Entry(point.name, f"From {package}.", point.value, package))
        return found

    def names(self) -> tuple[str, ...]:
        return tuple(self.entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __contains__(self, name: object) -> bool:
        return name in self.entries

    def __getitem__(self, name: str) -> T:
        """The thing of that name, imported now; a name that does not exist lists what does."""
        return self.entry(name).load()  # type: ignore[no-any-return]

    def entry(self, name: str) -> Entry:
        """The entry of that name, which stays unloaded; PinpointError, with what there is, if there is none."""
        if name not in self.entries:
            close = get_close_matches(name, self.entries, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise PinpointError(f"There is no {self.kind} {name!r}.{hint} There are: {', '.join(self.entries)}.")
        return self.entries[name]

    def make(self, part: Part, **given: Any) -> Any:
        """The thing that a part names, with its options and what is `given` besides."""
        factory: Any = self[part.name]
        try:
            return factory(**{**part.options, **given})
        except (TypeError, ValidationError) as error:
            raise PinpointError(f"The options of the {self.kind} {part.name} do not fit: {error}") from error
