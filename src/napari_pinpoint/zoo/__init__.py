"""The models that ship: NAME.safetensors, NAME.md (the card) and NAME.yaml (the recipe that makes it again)."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent

#: Name to file of every model that ships.
ZOO: dict[str, Path] = {path.stem: path for path in sorted(_HERE.glob("*.safetensors"))}

#: Name to file of every recipe that ships.
RECIPES: dict[str, Path] = {path.stem: path for path in sorted(_HERE.glob("*.yaml"))}
