"""Classes can be told apart on screen."""

from __future__ import annotations

from napari_pinpoint.plugin.layers.classes import COLOR, SYMBOL, looks_of


def test_a_dozen_classes_all_look_different_and_the_first_ones_without_colour() -> None:
    names = [f"class {n:02}" for n in range(12)]
    colors, symbols = looks_of([*names, None])
    looks = {(tuple(color), symbol) for color, symbol in zip(colors, symbols, strict=True)}
    assert len(looks) == 13
    assert len(set(symbols[:7])) == 7
    usual_color, usual_symbol = looks_of([None])
    assert (colors[-1] == usual_color[0]).all()
    assert symbols[-1] == usual_symbol[0] == SYMBOL
    assert [round(255 * float(value)) for value in usual_color[0][:3]] == [int(COLOR[n : n + 2], 16) for n in (1, 3, 5)]
