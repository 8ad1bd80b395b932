"""A hundred random sequences of actions in the real window: nothing breaks, nothing leaks, no result is lost.

A failure names its sequence and what was done, and runs again with its block: `-k seeds0-19`.
"""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest

from napari_pinpoint.plugin.layers.tables import is_result

pytestmark = pytest.mark.gui

SEQUENCES, BLOCK = 100, 20
_SHAPE = (32, 32)


def counts(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Images with some bright spots."""
    image = rng.poisson(100, (*shape, *_SHAPE)).astype(np.uint16)
    for _ in range(6):
        y, x = rng.integers(3, 28, 2)
        image[..., y - 1 : y + 2, x - 1 : x + 2] += 150
    return image


IMAGES: dict[str, Callable[[np.random.Generator], Any]] = {
    "movie": lambda rng: {"data": counts(rng, 4)},
    "single": lambda rng: {"data": counts(rng)},
    "channels": lambda rng: {"data": counts(rng, 3, 2), "axis_labels": ("t", "c", "y", "x")},
    "one frame": lambda rng: {"data": counts(rng, 1)},
    "dask": lambda rng: {"data": da.from_array(counts(rng, 4), chunks=(2, 16, 16))},
    "multiscale": lambda rng: {"data": [image := counts(rng, 3), image[:, ::2, ::2]]},
    "calibrated": lambda rng: {"data": counts(rng, 3), "scale": (1, 0.1, 0.1), "units": ("pixel", "um", "um")},
    "blank": lambda rng: {"data": np.zeros((2, *_SHAPE), np.float32)},
    "nan": lambda rng: {"data": np.full(_SHAPE, np.nan, np.float32), "contrast_limits": (0, 1)},
    "tiny": lambda rng: {"data": counts(rng, 2)[:, :3, :5]},
    "colour": lambda rng: {"data": np.zeros((*_SHAPE, 3), np.uint8), "rgb": True},
}


class User:
    """Somebody who does, one after the other, whatever the window allows; each `do_` is one action."""

    def __init__(self, viewer: Any, qtbot: Any, ledger: Ledger) -> None:
        self.viewer, self.qtbot, self.ledger = viewer, qtbot, ledger
        self.rng = np.random.default_rng()
        self.removed: list[Any] = []  # by the user: nobody is to blame for what is lost with them
        self.edited: list[Any] = []
        self.docks: list[weakref.ref[Any]] = []
        self.frame: Any = None  # what napari puts around the dock
        self.dock: Any = None
        self.do_open()

    def act(self) -> str:
        """Do something; gives what it was."""
        names = [name for name in dir(self) if name.startswith("do_")]
        often = ["do_add_image", "do_run", "do_run", "do_run", "do_preview", "do_slide", "do_wait", "do_end"]
        name = str(self.rng.choice(names + often))
        said = getattr(self, name)()
        self.qtbot.wait(int(self.rng.choice([0, 0, 10, 60])))
        return f"{name[3:]} {said}" if said else name[3:]

    @property
    def tab(self) -> Any:
        return self.dock.show_tab("Localize")

    def press(self, button: Any) -> str:
        """Press a button with the mouse if a user could."""
        from qtpy.QtCore import Qt

        if not (button.isVisible() and button.isEnabled()):
            return f"{button.text()!r} is not there"
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        return ""

    def step(self, choice: Any) -> str:
        """Choose the next or the former of a list with the arrow keys."""
        from qtpy.QtCore import Qt

        self.qtbot.keyClick(choice, Qt.Key.Key_Down if self.rng.random() < 0.6 else Qt.Key.Key_Up)
        return str(choice.currentText())

    def type(self, field: Any, *texts: str) -> str:
        from qtpy.QtCore import Qt

        text = str(self.rng.choice(texts))
        field.clear()
        self.qtbot.keyClicks(field, text)
        self.qtbot.keyClick(field, Qt.Key.Key_Return)
        return text

    def layer(self, condition: Callable[[Any], bool] = lambda layer: True) -> Any:
        layers = [layer for layer in self.viewer.layers if condition(layer)]
        return layers[self.rng.integers(len(layers))] if layers else None

    # Layers and slider

    def do_add_image(self) -> str:
        kind = str(self.rng.choice(list(IMAGES)))
        self.viewer.add_image(name=kind, **IMAGES[kind](self.rng))
        return kind

    def do_add_other(self) -> str:
        kind = str(self.rng.choice(["points", "no points", "shapes", "labels"]))
        if "points" in kind:
            self.viewer.add_points(self.rng.uniform(0, 30, (0 if "no" in kind else 5, 3)), name=kind)
        elif kind == "shapes":
            self.viewer.add_shapes(np.array([[4.0, 4], [25, 20]]), shape_type="rectangle")
        else:
            self.viewer.add_labels((self.rng.random(_SHAPE) < 0.5).astype(int))
        return kind

    def do_remove_layer(self) -> str:
        layer = self.layer()
        if layer is None:
            return ""
        self.removed.append(layer)
        self.viewer.layers.remove(layer)
        return str(layer.name)

    def do_rename_layer(self) -> None:
        if layer := self.layer():
            layer.name = str(self.rng.choice(["movie", "truth", "x [1]", "preview", "movie localizations"]))

    def do_reorder(self) -> None:
        if self.viewer.layers:
            self.viewer.layers.move(int(self.rng.integers(len(self.viewer.layers))), 0)

    def do_select_layer(self) -> None:
        self.viewer.layers.selection.active = self.layer()

    def do_hide_layer(self) -> None:
        if layer := self.layer():
            layer.visible = not layer.visible

    def do_change_layer(self) -> str:
        layer = self.layer()
        if layer is None:
            return ""
        if is_result(layer) and hasattr(layer, "remove_selected"):
            self.edited.append(layer)
            layer.add(np.zeros((1, layer.ndim)))
        elif isinstance(layer.data, np.ndarray) and layer.ndim == 3 and hasattr(layer, "colormap"):
            layer.data = counts(self.rng, int(self.rng.integers(1, 6)))
        return str(layer.name)

    def do_slide(self) -> None:
        axis = int(self.rng.integers(self.viewer.dims.ndim))
        self.viewer.dims.set_current_step(axis, int(self.rng.integers(5)))

    def do_turn(self) -> None:
        self.viewer.dims.ndisplay = 3 if self.viewer.dims.ndisplay == 2 else 2

    # The dock

    def do_open(self) -> None:
        if self.dock is None:
            self.frame, self.dock = self.viewer.window.add_plugin_dock_widget("napari-pinpoint", "Pinpoint")
            self.docks.append(weakref.ref(self.dock))

    def tidy_up(self) -> None:
        """Leave nothing for the next sequence."""
        self.removed.clear()
        self.edited.clear()
        self.viewer.layers.clear()
        self.viewer.dims.ndisplay = 2
        self.ledger.forget()

    def do_close_and_open(self) -> None:
        self.close()
        self.qtbot.wait(int(self.rng.choice([0, 50])))
        self.do_open()

    def do_hide_and_show(self) -> None:
        self.qtbot.waitUntil(self.frame.isVisible)  # when it was opened just now, it is not yet
        hide_or_show = self.frame.toggleViewAction()
        hide_or_show.trigger()
        self.qtbot.wait(10)
        hide_or_show.trigger()

    def close(self) -> None:
        self.press(self.frame.title.close_button)
        self.frame = self.dock = None

    # Localize

    def do_choose_image(self) -> str:
        return self.step(self.tab.form.source.layer_choice)

    def do_choose_axis(self) -> str:
        return self.step(self.tab.form.source.time_choice)

    def do_choose_region(self) -> str:
        return self.step(self.tab.form.source.region_choice)

    def do_choose_model(self) -> str:
        return self.step(self.tab.form.model.choice)

    def do_choose_frames(self) -> str:
        source = self.tab.form.source
        return self.type(source.first if self.rng.random() < 0.5 else source.last, "0", "1", "2", "7", "-", "")

    def do_choose_what_becomes_of_it(self) -> str:
        advanced = self.tab.form.advanced
        self.press(advanced.offsets)
        return self.step(advanced.rerun)

    def do_open_section(self) -> None:
        form = self.tab.form
        sections = (form.source.section, form.camera_section, form.advanced_section, form.folder_section)
        self.press(sections[self.rng.integers(4)].button)

    def do_give_pixel_size(self) -> str:
        return self.type(self.tab.form.camera.numbers["pixel_size_nm"], "100", "", "65.5", "a lot")

    def do_estimate_camera(self) -> str:
        return self.press(self.tab.form.camera.estimate_button)

    def do_preview(self) -> str:
        return self.press(self.tab.form.sensitivity.preview_box)

    def do_move_sensitivity(self) -> None:
        from qtpy.QtCore import QPoint, Qt

        histogram = self.tab.form.sensitivity.histogram
        place = QPoint(int(self.rng.integers(histogram.width())), 20)
        self.qtbot.mouseClick(histogram, Qt.MouseButton.LeftButton, pos=place)

    def do_reset_sensitivity(self) -> str:
        return self.press(self.tab.form.sensitivity.own_button)

    def do_run(self) -> str:
        tab = self.tab
        if tab.form.layer is not None and self.rng.random() < 0.8:
            self.qtbot.waitUntil(lambda: tab.assistant.is_ready, timeout=60_000)
        if not tab.jobs.is_running:
            self.ledger.image = tab.form.layer
        return self.press(tab.run_button) or f"on {tab.form.layer}"

    def do_cancel(self) -> str:
        return self.press(self.tab.cancel_button)

    def do_wait(self) -> None:
        self.qtbot.wait(int(self.rng.integers(100)))

    def do_end(self) -> None:
        """Wait for the end of what runs."""
        tab = self.tab
        self.qtbot.waitUntil(lambda: not tab.jobs.is_running, timeout=60_000)

    # Results and Evaluate

    def do_switch_tab(self) -> str:
        self.dock.setCurrentIndex(int(self.rng.integers(3)))
        return str(self.dock.tabText(self.dock.currentIndex()))

    def do_choose_result(self) -> str:
        return self.step(self.dock.show_tab("Results").layer_choice)

    def do_filter(self) -> str:
        results = self.dock.show_tab("Results")
        words = ("probability > 0.5", "contrast < 3 or x < 10", "frame == 0", "", "x >", "nothing")
        return self.type(results.filters.text, *words)

    def do_draw_filter(self) -> str:
        from qtpy.QtCore import QPoint, Qt

        filters = self.dock.show_tab("Results").filters
        if not filters.histograms:
            return self.press(filters.section.button)
        one = filters.histograms[0]
        name = self.step(one.column_choice)
        self.qtbot.mouseClick(one.histogram, Qt.MouseButton.LeftButton, pos=QPoint(int(self.rng.integers(150)), 30))
        return name

    def do_link(self) -> str:
        form = self.dock.show_tab("Results").form
        form.sections["Link"].set_open(True)
        form.link.merge_box.setChecked(bool(self.rng.random() < 0.5))
        return self.press(form.link.button)

    def do_keep(self) -> str:
        return self.press(self.dock.show_tab("Results").form.keep_button)

    def do_undo_filter(self) -> str:
        form = self.dock.show_tab("Results").form
        return self.press(self.rng.choice([form.undo_button, form.redo_button, form.reset_button]))

    def do_jump(self) -> None:
        from qtpy.QtCore import Qt

        view = self.dock.show_tab("Results").view
        self.qtbot.keyClick(view, Qt.Key.Key_Down)

    def do_export(self) -> str:
        results = self.dock.show_tab("Results")
        self.step(results.form.format_choice)
        return self.press(results.form.export_button)

    def do_compare(self) -> str:
        return self.press(self.dock.show_tab("Evaluate").compare_button)

    def do_show_difference(self) -> str:
        evaluate = self.dock.show_tab("Evaluate")
        return self.press(evaluate.scores.missed_button if self.rng.random() < 0.5 else evaluate.scores.false_button)


class Ledger:
    """The layers of all runs that came to their end, and whether each is still there as it was."""

    def __init__(self) -> None:
        self.image: Any = None  # what the job under way looks at
        self.between_steps = False  # of the end of a run
        self.forget()

    def forget(self) -> None:
        self.runs: list[tuple[Any, bool, list[Any]]] = []  # what was looked at, whether it replaces, what was added
        self.contents: dict[Any, np.ndarray] = {}

    def add(self, run: Any, found: Any, viewer: Any) -> None:
        placement = run.request.placement
        fixed = [index for axis, index in enumerate(placement.at[:-2]) if axis != placement.time_axis]
        notes = [id(layer.metadata["pinpoint"]) for layer in found.layers]
        added = [layer for layer in viewer.layers if id(layer.metadata.get("pinpoint")) in notes]
        assert len(added) == len(found.layers)
        replaces = run.output.replace and found.done == found.total
        self.runs.append(((self.image, placement.time_axis, fixed), replaces, added))
        self.contents |= {layer: np.array(layer.data) for layer in added}

    def check(self, user: User) -> None:
        if self.between_steps:
            return
        for n, (what, _, layers) in enumerate(self.runs):
            replaced = any(later == what and replaces for later, replaces, _ in self.runs[n + 1 :])
            for layer in layers:
                edited = layer in user.edited
                if layer in user.viewer.layers:
                    assert edited or np.array_equal(layer.data, self.contents[layer]), f"{layer} was changed"
                else:
                    assert layer in user.removed or (replaced and not edited), f"{layer} is lost"


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Ledger:
    from napari_pinpoint.plugin.localize.localizing import Localizing

    ledger, finish = Ledger(), Localizing.finish

    def noted(run: Any, viewer: Any, found: Any) -> Generator[None, None, str]:
        ledger.between_steps = True
        said = yield from finish(run, viewer, found)
        ledger.between_steps = False
        ledger.add(run, found, viewer)
        return said

    monkeypatch.setattr(Localizing, "finish", noted)
    return ledger


@pytest.fixture
def troubles(monkeypatch: pytest.MonkeyPatch, qtlog: Any, caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Gives what has gone wrong unseen: in threads, in Qt, and what ended in the log."""
    in_threads: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", in_threads.append)

    def collect() -> list[str]:
        logged = [f"{record.getMessage()} {record.exc_info}" for record in caplog.records if record.levelno >= 40]
        return [*map(str, in_threads), *logged, *(record.message for record in qtlog.records)]

    return collect


def assert_at_rest(user: User) -> None:
    """Nothing runs, nothing turns, and the form can be used."""
    from napari_pinpoint.plugin.work.tasks import tasks_of

    tab, tasks = user.tab, tasks_of(user.viewer)
    user.qtbot.waitUntil(lambda: not tab.jobs.is_running and not tasks.is_running, timeout=60_000)
    if tab.form.layer is not None:
        user.qtbot.waitUntil(lambda: tab.assistant.is_ready, timeout=20_000)
    assert tab.run_button.isEnabled() == (tab.form.layer is not None)
    assert not tab.cancel_button.isEnabled()
    assert tab.progress.maximum() > 0


def watchers(viewer: Any) -> int:
    """How many there are whom the viewer tells of new layers."""
    callbacks = viewer.layers.events.inserted.callbacks
    return sum(not isinstance(callback, tuple) or callback[0]() is not None for callback in callbacks)


def our_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("pinpoint")]


@pytest.mark.parametrize("first", range(0, SEQUENCES, BLOCK), ids=lambda first: f"seeds{first}-{first + BLOCK - 1}")
def test_nothing_breaks_leaks_or_is_lost(
    qtbot: Any,
    make_napari_viewer: Any,
    ledger: Ledger,
    troubles: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    first: int,
) -> None:
    from qtpy.QtWidgets import QApplication, QFileDialog

    from napari_pinpoint.plugin.work.pictures import follow_pictures

    target = str(tmp_path / "points")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: (target, a[-1]))
    # Drawing is napari's, and takes long without a graphics card.
    monkeypatch.setattr("vispy.scene.canvas.SceneCanvas.on_draw", lambda *_: None)
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(900, 700)
    follow_pictures(viewer)  # goes with the viewer, not with the dock
    before = watchers(viewer)
    user = User(viewer, qtbot, ledger)
    for seed in range(first, first + BLOCK):
        user.rng, actions = np.random.default_rng(seed), []
        try:
            with qtbot.capture_exceptions() as raised:
                user.do_add_image()
                for _ in range(user.rng.integers(5, 16)):
                    actions.append(user.act())
                    assert not raised
                    assert not troubles()
                    ledger.check(user)
                assert_at_rest(user)
                ledger.check(user)
                user.tidy_up()
        except BaseException as error:
            error.add_note(f"seed {seed}: {', '.join(actions)}; {raised} {troubles()}")
            raise
    user.close()
    gc.collect()
    assert watchers(viewer) == before
    gone = [*user.docks, weakref.ref(viewer)]
    viewer.close()
    del viewer, user
    ledger.image = None
    ledger.forget()
    qtbot.wait(50)
    gc.collect()
    qtbot.waitUntil(lambda: not our_threads(), timeout=20_000)
    assert [reference() for reference in gone if reference() is not None] == []
    ours = [widget for widget in QApplication.allWidgets() if type(widget).__module__.startswith("napari_pinpoint")]
    assert ours == []
