"""`pinpoint models`: what ships, and what a model is."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from napari_pinpoint.cli import options
from napari_pinpoint.cli.terminal import emit, print_table


def models(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME|FILE]", help="A model to tell everything about; else all are listed.")
    ] = None,
    json: options.Json = False,
) -> None:
    """List the models that ship, or tell everything about one."""
    from napari_pinpoint.zoo import ZOO

    details = [_details(each) for each in (ZOO if name is None else [name])]
    if json:
        emit({"models": details} if name is None else details[0])
    elif name is None:
        rows = [(d["spec"]["name"], d["spec"]["summary"], f"{d['parameters']:,}") for d in details]
        print_table(("name", "what for", "parameters"), rows)
        print("`pinpoint models NAME` tells more.")
    else:
        _print_details(details[0])


def _details(name: str) -> dict[str, Any]:
    from napari_pinpoint.model import count_parameters, load_model
    from napari_pinpoint.zoo import ZOO

    model = load_model(name)
    card = ZOO[name].with_suffix(".md") if name in ZOO else None
    return {
        "name": model.spec.name,
        "path": str(ZOO.get(name, name)),
        "fingerprint": model.fingerprint(),
        "parameters": count_parameters(model),
        "threshold": model.decoder.threshold,
        "spec": model.spec.model_dump(mode="json"),
        "record": model.record,
        "card": card.read_text(encoding="utf-8") if card and card.is_file() else None,
    }


def _print_details(details: dict[str, Any]) -> None:
    spec = details["spec"]
    rows = [
        ("name", f"{spec['name']}, version {spec['version']}"),
        ("what for", spec["summary"]),
        ("file", details["path"]),
        ("fingerprint", details["fingerprint"]),
        ("parameters", f"{details['parameters']:,}"),
        ("threshold", f"{details['threshold']:g}"),
        ("spatial axes", str(spec["dims"])),
        ("channels", str(spec["channels"])),
    ]
    rows += [
        (part, " ".join([spec[part]["name"], *(f"{k}={v}" for k, v in spec[part]["options"].items())]))
        for part in ("backbone", "method", "decoder", "normalization")
        if spec[part]
    ]
    rows += [
        (f"made for {name}", f"{low:g} to {high:g}")
        for name, (low, high) in ((n, r) for n, r in spec["domain"].items() if r is not None)
    ]
    if spec["recalibration"]:
        from napari_pinpoint.cli.recalibrate import recalibration_rows
        from napari_pinpoint.recalibration import Recalibration

        said = recalibration_rows(Recalibration.model_validate(spec["recalibration"]))
        rows += [(f"recalibrated {what}", f"{of}: {becomes}") for what, of, becomes in said]
    validation = details["record"].get("validation") or {}
    rows += [(f"validation {n}", f"{value:.4g}") for n, value in validation.items() if value is not None]
    print_table(("", ""), rows)
    if details["card"]:
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(details["card"]))
