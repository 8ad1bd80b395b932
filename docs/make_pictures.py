"""Make the pictures of the guide and the README again: what a user sees from an empty window to the scores.

`tox run -e pictures` makes them all, and `tox run -e pictures -- NAME ...` those of some stories. Needs Xvfb.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filming import User, display, nobody, write_film

FOLDER = Path(__file__).parent / "pictures"


def ready(user: User, tab: Any) -> None:
    """Wait until the form is filled in."""
    user.until(lambda: tab.assistant.is_ready and tab.assistant.facts and not tab.background.is_asked("model"), speed=4)


def shown(tab: Any, frame: int) -> bool:
    """Whether the preview shows the points of a frame."""
    kept = tab.follower.preview.kept
    return kept is not None and set(kept["frame"]) == {frame}


def spots(user: User) -> None:
    """Ordinary spots: from nothing to points."""
    tab = user.open_dock()
    user.picture("empty")
    user.menu("File", "Open Sample", "Pinpoint", "Fluorescent spots, with truth")
    ready(user, tab)
    user.picture("proposal")
    form = tab.form
    form.ensureWidgetVisible(form.sensitivity.count)
    user.click(form.sensitivity.preview_box)
    user.until(lambda: tab.follower.preview.kept is not None)
    user.viewer.scene.camera.zoom *= 1.6
    form.ensureWidgetVisible(form.sensitivity.count)
    user.picture("preview")
    user.viewer.reset_view()
    mark_region(user)
    user.click(form.source.section.button)
    user.choose(form.source.region_choice, user.viewer.layers.selection.active.name)
    form.ensureWidgetVisible(form.source)
    user.until(lambda: tab.follower.preview.kept is not None)
    user.picture("region")


def mark_region(user: User) -> None:
    """Draw a polygon around a cell, in a new Shapes layer of napari."""
    from qtpy.QtCore import QPoint
    from qtpy.QtWidgets import QAbstractButton

    def button(mode: str) -> Any:
        return next(b for b in user.window.findChildren(QAbstractButton) if b.property("mode") == mode)

    user.click(button("new_shapes"))
    user.click(button("rectangle"))
    canvas = user.window._qt_viewer.canvas.native
    user.drag(canvas, *(QPoint(x, y) for x, y in ((310, 270), (340, 310), (400, 390), (430, 440))))
    user.viewer.layers.selection.active.opacity = 0.25


def filaments(user: User) -> None:
    """A movie of single molecules: camera, run, results, scores."""
    user.menu("File", "Open Sample", "Pinpoint", "Blinking filaments, with truth")
    tab = user.open_dock()
    ready(user, tab)
    user.click(tab.form.camera_section.button)
    tab.form.ensureWidgetVisible(tab.form.camera, 0, 0)
    user.picture("camera")
    user.click(tab.form.camera_section.button)
    tab.form.verticalScrollBar().setValue(0)
    user.viewer.dims.set_current_step(0, 20)
    user.click(tab.run_button)
    user.until(lambda: "filaments localizations" in user.viewer.layers)
    user.picture("running")
    user.until(lambda: not tab.jobs.is_running)
    user.picture("done")
    results = user.tab("Results")
    user.click(results.view.viewport(), results.view.visualRect(results.view.model().index(6, 0)).center())
    user.viewer.scene.camera.zoom *= 1.5
    user.picture("results")
    draw_filter(user, results)
    user.picture("filtered")
    save_dialog(user, results)
    drift(user, results)
    evaluate = user.tab("Evaluate")
    user.click(evaluate.compare_button)
    user.until(lambda: evaluate.scores.difference)
    user.click(evaluate.scores.missed_button)
    user.viewer.reset_view()
    user.picture("evaluate")
    user.click(evaluate.scores.figures_button)
    user.until(lambda: evaluate.figures_window.isVisible())
    evaluate.figures_window.choice.setCurrentText("Uncertainties")
    user.picture("figures")
    evaluate.figures_window.close()


def draw_filter(user: User, results: Any) -> None:
    """Draw a handle of the histogram of photons."""
    from qtpy.QtCore import QPoint

    user.click(results.filters.section.button)
    user.until(lambda: results.filters.histograms and results.filters.histograms[0].histogram.counts.any())
    user.wait(0.5)
    user.drag(results.filters.histograms[0].histogram, *(QPoint(x, 30) for x in (9, 30, 60, 80)))


def drift(user: User, results: Any) -> None:
    """Correct the drift, and show it."""
    user.click(results.filters.section.button)
    panel = results.form.drift
    results.form.sections[panel.title].set_open(True)
    user.wait(0.3)
    user.click(panel.button)
    user.until(lambda: not results.tasks.is_running and panel.figure.isVisible())
    user.wait(0.3)
    user.show(results.form.sections["Picture"])
    user.picture("drift")
    user.click(panel.undo_button)


def save_dialog(user: User, results: Any) -> None:
    """What Export opens; it is left again."""
    from qtpy.QtCore import QTimer
    from qtpy.QtWidgets import QApplication

    def look() -> None:
        user.picture("export")
        QApplication.activeModalWidget().reject()

    QTimer.singleShot(1500, look)
    user.click(results.form.export_button)


def error(user: User) -> None:
    """A run that cannot be, and what is said."""
    user.menu("File", "Open Sample", "Pinpoint", "Blinking filaments, with truth")
    tab = user.open_dock()
    ready(user, tab)
    user.click(tab.form.source.section.button)
    user.type(tab.form.source.last, "500")
    user.click(tab.run_button)
    user.picture("error")


def narrow(user: User) -> None:
    """A laptop's window, and a dock as narrow as it goes."""
    user.menu("File", "Open Sample", "Pinpoint", "Blinking filaments, with truth")
    tab = user.open_dock(320)
    ready(user, tab)
    user.click(tab.run_button)
    user.until(lambda: not tab.jobs.is_running)
    user.picture("narrow")
    user.tab("Results")
    user.picture("narrow-results")


def film(user: User) -> None:
    """The film: from the sample to the scores."""
    from qtpy.QtCore import QPoint

    user.film = []
    user.wait(0.5)
    user.menu("File", "Open Sample", "Pinpoint", "Blinking filaments, with truth")
    user.wait(0.5)
    tab = user.open_dock()
    ready(user, tab)
    user.wait(1.2)
    sensitivity = tab.form.sensitivity
    tab.form.ensureWidgetVisible(sensitivity.count)
    user.click(sensitivity.preview_box)
    user.until(lambda: tab.follower.preview.kept is not None, speed=3)
    user.wait(0.5)
    histogram = sensitivity.histogram
    x, y = (int(histogram._x(sensitivity.number.value())), histogram.height() // 2)
    user.drag(histogram, *(QPoint(x + step, y) for step in (0, 15, 30, 50, 70, 90, 70, 50, 30, 10, 0)))
    for frame in (30, 20, 10):
        user.viewer.dims.set_current_step(0, frame)
        user.until(lambda frame=frame: shown(tab, frame), speed=2)
        user.wait(0.3)
    user.click(tab.run_button)
    user.until(lambda: not tab.jobs.is_running, speed=3)
    user.wait(0.8)
    results = user.tab("Results")
    for row in (2, 9):
        user.click(results.view.viewport(), results.view.visualRect(results.view.model().index(row, 0)).center())
        user.wait(0.5)
    user.type(results.filters.text, "probability > 0.8")
    user.wait(0.6)
    evaluate = user.tab("Evaluate")
    user.click(evaluate.compare_button)
    user.until(lambda: evaluate.scores.difference)
    user.wait(2)
    write_film(user.film, FOLDER / "run.gif")


#: The stories, and the size of the window in which each is told.
STORIES: dict[str, tuple[Callable[[User], None], tuple[int, int]]] = {
    "spots": (spots, (1280, 800)),
    "filaments": (filaments, (1280, 800)),
    "error": (error, (1280, 800)),
    "narrow": (narrow, (1280, 720)),
    "film": (film, (1280, 800)),
}


def main(names: list[str]) -> None:
    """Tell the stories that are named, or all of them, each in a program of its own."""
    with display(1280, 800) as screen:
        for name in names or list(STORIES):
            with nobody(screen) as environment:
                subprocess.run([sys.executable, __file__, "--tell", name], env=environment, check=True)


def tell(name: str) -> None:
    """Tell one story on the display that is there."""
    story, size = STORIES[name]
    movies = Path(os.environ["HOME"], "movies")
    movies.mkdir()
    os.chdir(movies)
    user = User(FOLDER, *size)
    story(user)
    user.film = None
    user.viewer.close()


if __name__ == "__main__":
    arguments = sys.argv[1:]
    tell(arguments[1]) if arguments[:1] == ["--tell"] else main(arguments)
