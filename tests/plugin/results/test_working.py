"""The history of a table, without any window."""

from __future__ import annotations

import numpy as np

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.results.looking import Looker, Question
from napari_pinpoint.plugin.results.working import Filter, Range, Working
from napari_pinpoint.postprocessing import link, replay


def table() -> Localizations:
    return Localizations(
        {"frame": [0, 1, 2, 7], "y": [1, 1, 1, 9], "x": [2, 2, 2, 2], "photons": [100, np.nan, 300, 50]}
    )


def test_all_changes_of_a_filter_that_is_being_drawn_are_one_step_back() -> None:
    working = Working(table())
    for limit in (10, 20, 60):
        working.filter(Filter(ranges=(Range("photons", limit),)))
    working.settle()
    working.filter(Filter("photons > 200"))
    assert working.state.result()["photons"].tolist() == [300]
    working.undo()
    assert working.state.filter.expression == "photons >= 60"
    working.undo()
    assert (working.is_original, working.can_undo) == (True, False)
    working.redo()
    assert working.state.result()["photons"].tolist() == [100, 300]


def test_steps_follow_each_other_and_the_first_table_is_never_lost() -> None:
    first = table()
    working = Working(first)
    working.filter(Filter("frame < 5"))
    working.put(link(working.state.result(), radius_px=1))
    assert [step["step"] for step in working.state.table.record["steps"]] == ["filter", "link"]
    again = replay(first, working.state.table.record["steps"])
    assert again["particle"].tolist() == working.state.result()["particle"].tolist() == [0, 0, 0]
    working.reset()
    assert working.state.table is first
    working.undo()
    assert "particle" in working.state.table
    working.filter(Filter("photons > 200"))
    assert not working.can_redo


def test_edits_by_hand_are_a_step_once_something_was_done() -> None:
    working = Working(table())
    edited = table().select([0, 1, 2])
    working.edit(edited)
    assert (working.original, working.can_undo) == (edited, False)
    working.filter(Filter("photons > 200"))
    working.edit(edited.select([0, 2]))
    assert working.state.filter.text == "photons > 200"
    working.undo()
    assert len(working.state.table) == 3


def test_words_and_ranges_are_one_condition() -> None:
    both = Filter("photons > 3 or frame == 0", (Range("x", 1, 2), Range("my column", None, 5)))
    assert both.expression == "(photons > 3 or frame == 0) and x >= 1 and x <= 2 and `my column` <= 5"
    assert Filter(" ", (Range("x"),)).expression == ""


def test_what_is_shown_is_sorted_counted_and_finds_the_chosen_row() -> None:
    working, looker = Working(table()), Looker()
    look = looker.look(Question(working.state, ("photons",), "photons", True, chosen=3))
    assert look.rows.tolist() == [2, 0, 3, 1]  # what is not known comes last
    assert (look.place, look.n_frames, look.passing) == (2, 4, None)
    assert (look.spreads["photons"].low, look.spreads["photons"].high) == (50, 300)
    assert look.spreads["photons"].everything.sum() == 3
    working.filter(Filter("photons > 60"))
    look = looker.look(Question(working.state, ("photons",), "photons", False, chosen=3))
    assert look.rows.tolist() == [0, 2]
    assert look.place is None
    assert look.spreads["photons"].passing.sum() == 2
    look = looker.look(Question(working.state, sorted_by="frame", descending=True))
    assert look.rows.tolist() == [2, 0]


def test_equal_values_keep_the_order_of_the_table() -> None:
    rows = Localizations({"frame": [1, 0, 1, 0], "y": [0, 1, 2, 3], "x": [0, 0, 0, 0]})
    look = Looker().look(Question(Working(rows).state, (), "frame", True))
    assert look.rows.tolist() == [0, 2, 1, 3]


def test_texts_are_sorted_too() -> None:
    rows = Localizations({"frame": [0, 0, 0], "y": [0, 1, 2], "x": [0, 0, 0], "label": ["b", None, "a"]})
    assert Looker().look(Question(Working(rows).state, (), "label")).rows.tolist() == [2, 0, 1]
