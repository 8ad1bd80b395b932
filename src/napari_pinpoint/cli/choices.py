"""Options that name an entry of a registry: `--help` lists the names, third parties' too, and nothing is loaded."""

from __future__ import annotations

import re
from functools import partial
from importlib import import_module
from typing import Any

import typer

from napari_pinpoint.errors import PinpointError

#: What stands in a help text for the names of a registry until somebody asks for help.
_NAMES = re.compile(r"<names of ([\w.]+:\w+)>")


def named(option: str, registry: str, *, help: str, also: tuple[str, ...] = (), **more: Any) -> Any:
    """An option (`also`: other words for it) whose value is a name out of a registry, given as ``"module:attribute"``.

    A name that is not there is a usage error, which says what there is.
    """
    return typer.Option(
        option,
        *also,
        metavar="NAME",
        parser=partial(_checked, registry),
        help=f"{help} One of <names of {registry}>.",
        **more,
    )


class CommandWithChoices(typer.core.TyperCommand):
    """A command that looks the names up when its help is shown: third parties may have added some."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        for parameter in self.params:
            words = getattr(parameter, "help", None)
            if words:
                parameter.help = _NAMES.sub(_listed, words)  # type: ignore[attr-defined]
        super().format_help(ctx, formatter)


def _listed(place: re.Match[str]) -> str:
    return ", ".join(_registry(place[1]).names())


def _checked(registry: str, name: str) -> str:
    try:
        _registry(registry).entry(name)
    except PinpointError as error:
        raise typer.BadParameter(str(error)) from None
    return name


def _registry(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)
