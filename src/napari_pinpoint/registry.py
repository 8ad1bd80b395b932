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
        self.group = "napari_pinpoint." + kind.replace(" ", "_") + "s"
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
        if name not in self.entries:
            close = get_close_matches(name, self.entries, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise PinpointError(f"There is no {self.kind} {name!r}.{hint} There are: {', '.join(self.entries)}.")
        return self.entries[name].load()  # type: ignore[no-any-return]
