"""The page in the options: what it shows, and a set-up in the background from its first click to a working engine."""

import hashlib
import json
import sys
import tarfile
import time
from pathlib import Path

import pytest
from qgis.core import QgsApplication, QgsSettings
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtWidgets import QPushButton
from support import PATIENCE_S, ROOT

sys.path.insert(0, str(ROOT / "tests" / "qgis_plugin"))
from wheels import write_wheel

BASE = "/usr/bin/python3"


def pump(until):
    """Let the event loop turn until something is so.  Returns the turns."""
    turns, deadline = 0, time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < deadline, "it did not happen in time"
        QCoreApplication.processEvents()
        time.sleep(0.005)
        turns += 1
    return turns


@pytest.fixture
def clean(plugin, monkeypatch, tmp_path):
    """No engine anywhere, and settings as they were afterwards."""
    from seamline.qgis_plugin import settings

    monkeypatch.delenv("SEAMLINE_PYTHON", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "Zoë B"))
    monkeypatch.setattr(settings, "find_python", without_checkout(settings.find_python, tmp_path))
    keys = ("seamline/setup/folder", "Processing/Configuration/SEAMLINE_PYTHON")
    yield settings
    for key in keys:
        QgsSettings().remove(key)


def without_checkout(find, nowhere):
    """``.venv`` of this checkout is not to be found."""
    return lambda env, saved, root, made="": find(env, saved, nowhere, made)


@pytest.fixture
def machine(monkeypatch):
    """What is found is one Python and the builds of a processor; no program is asked."""
    from dataclasses import replace

    from seamline.qgis_plugin.setup import work
    from seamline.qgis_plugin.setup.pythons import Python
    from seamline.qgis_plugin.setup.torch_build import CPU, CUDA_BUILDS

    cpu = replace(CPU, disk_bytes=1)
    found = work.Machine((Python(BASE, (3, 11, 2)),), (cpu, *CUDA_BUILDS), cpu, "no NVIDIA graphics card was found")
    monkeypatch.setattr(work, "look_around", lambda: found)
    return found


@pytest.fixture
def page(clean, machine, qgis_app):
    from seamline.qgis_plugin.setup.page import PageFactory
    from seamline.qgis_plugin.setup.work import Worker

    worker = Worker()
    factory = PageFactory(worker)
    page = factory.createWidget(None)
    page.show()
    pump(lambda: not worker.is_busy)
    yield page
    worker.cancel()
    pump(lambda: not worker.is_busy)
    page.deleteLater()


@pytest.fixture
def plan_of(monkeypatch):
    """Replace the plan of the page by steps of a test."""
    from seamline.qgis_plugin.setup import work
    from seamline.qgis_plugin.setup.plan import Plan, Step, environment_python

    def make(*codes):
        def plan(choice, needed, launcher):
            python = environment_python(choice.folder)
            python.parent.mkdir(parents=True, exist_ok=True)
            if not python.exists():
                python.symlink_to(BASE)
            return Plan(choice, tuple(Step(f"s{i}", f"Step {i}", ((BASE, "-c", c),)) for i, c in enumerate(codes)))

        monkeypatch.setattr(work, "make_plan", plan)

    return make


def test_the_page_shows_what_is_found_and_offers_the_usual_folder(page, tmp_path):
    assert page.objectName() == "seamlineSetup"
    assert "is not set up" in page.status.text()
    assert page.folder.filePath() == str(tmp_path / "Zoë B" / "seamline")
    assert page.python.currentData() == BASE
    assert page.build.currentData() == "cpu"
    assert page.build.count() == 3
    assert "no NVIDIA" in page.why.text()
    assert page.start.isEnabled()
    assert not page.check.isEnabled(), "there is no engine to examine"


def test_the_page_says_what_set_up_will_take_before_it_starts(page):
    assert page.cost.text().startswith("Set-up takes up to 1 MiB of disk. It fetches about 512 MiB: 86 s at 50 Mbit/s")
    page.build.setCurrentIndex(1)
    assert page.cost.text().startswith("Set-up takes up to 10.0 GiB of disk. It fetches about 3.0 GiB: 9 min at")
    page.wheels.setFilePath("/wheels")
    assert page.cost.text() == "Set-up takes up to 10.0 GiB of disk."


def test_the_python_that_the_wheels_of_an_offline_folder_are_for_is_chosen(page, tmp_path):
    from seamline.qgis_plugin.setup.pythons import Python

    page._add(Python("/opt/python3.13", (3, 13, 0)))
    page.python.setCurrentIndex(1)
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl").touch()
    page.wheels.setFilePath(str(tmp_path / "wheels"))
    assert page.python.currentData() == BASE
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "torch-2.13.0+cpu-cp312-cp312-linux_x86_64.whl").touch()
    page.wheels.setFilePath(str(tmp_path / "other"))
    assert page.python.currentData() == BASE
    assert page.step.text().startswith("The offline folder is for Python 3.12, which was not found here")


def test_a_page_that_nobody_looks_at_asks_no_program(clean, machine, monkeypatch):
    from seamline.qgis_plugin.setup import work
    from seamline.qgis_plugin.setup.page import SetupPage

    monkeypatch.setattr(work, "look_around", lambda: pytest.fail("it looked around"))
    worker = work.Worker()
    page = SetupPage(worker)
    assert not worker.is_busy
    page.deleteLater()


def test_set_up_runs_in_the_background_and_its_engine_is_used_and_examined(page, clean, plan_of, monkeypatch, tmp_path):
    from support import FAKE

    monkeypatch.setattr(clean, "launcher", lambda: FAKE)
    monkeypatch.setenv("FAKE_ENGINE", "doctor")
    QgsSettings().setValue("Processing/Configuration/SEAMLINE_PYTHON", "/chosen/before")
    plan_of("print('first line é')", "import time; time.sleep(0.5)")
    page.start.click()
    assert page.start.text() == "Cancel"
    assert not page.folder.isEnabled()
    turns = pump(lambda: page.step.text() == "All is well: the engine works.")
    assert turns > 1, "the event loop stood still"
    assert clean.engine_python() == str(tmp_path / "Zoë B" / "seamline" / "env" / "bin" / "python")
    assert clean.setup_problem() == ""
    assert "first line é" in Path(tmp_path, "Zoë B", "seamline", "setup.log").read_text()
    assert page.start.text() == "Set up"
    page.copy.click()
    assert "first line é" in QgsApplication.clipboard().text()


def test_a_failure_is_a_sentence_and_the_next_click_goes_on(page, clean, plan_of, tmp_path):
    note = f"open({str(tmp_path / 'done')!r}, 'a').write('x')"
    plan_of(note, "raise SystemExit('[Errno 28] No space left on device')")
    page.start.click()
    pump(lambda: "the disk is full" in page.step.text())
    assert "free some space" in page.step.text()
    assert "is not set up" in page.status.text()
    plan_of(note, "print('more space')")
    page.start.click()
    pump(lambda: not page._worker.is_busy)
    assert (tmp_path / "done").read_text() == "x", "a finished step was run again"


def test_cancel_cuts_the_step_short_and_says_that_it_goes_on(page, plan_of):
    plan_of("import time; print('begun', flush=True); time.sleep(3600)")
    page.start.click()
    pump(lambda: "begun" in page.log.toPlainText())
    page.start.click()
    pump(lambda: not page._worker.is_busy)
    assert "Cancelled" in page.step.text()
    assert page.start.text() == "Set up"


def test_a_page_that_is_closed_stops_nothing_and_a_new_one_shows_it(page, clean, plan_of, qgis_app):
    from seamline.qgis_plugin.setup.page import SetupPage

    plan_of("import time; time.sleep(1); print('the end')")
    page.start.click()
    worker = page._worker
    again = SetupPage(worker)
    page.hide()
    assert again.start.text() == "Cancel"
    lines = []
    worker.said.connect(lines.append)
    pump(lambda: "the end" in lines)
    assert "the end" in again.log.toPlainText()
    again.deleteLater()


def test_what_cannot_be_set_up_starts_nothing(page, tmp_path):
    write_wheel(tmp_path / "wheels", "seamline", "9.9.9")
    page.wheels.setFilePath(str(tmp_path / "wheels"))
    page.start.click()
    assert "is version 9.9.9, the plugin is version" in page.step.text()
    assert not page._worker.is_busy


def test_a_python_chosen_by_hand_is_asked_first(page):
    page.add_python("/bin/ls")
    assert "does not answer as a Python" in page.step.text()
    assert page.python.count() == 1
    from seamline.qgis_plugin.setup.pythons import probe

    if not probe(BASE).problem:
        page.add_python(BASE)
        assert page.python.count() == 2


@pytest.fixture
def offering(page):
    """Show a machine, changed as a test says, for which there is a Python that set-up can bring; returns its build."""
    from dataclasses import replace

    from seamline.qgis_plugin.setup.standalone import standalone

    def look(machine, **changes):
        build = standalone("linux", "x86_64")
        page._show_machine(replace(machine, standalone=build, **changes))
        return build

    return look


def test_a_python_is_brought_only_once_the_user_agreed_to_what_is_shown(page, machine, offering, plan_of, tmp_path):
    build = offering(machine)
    assert page.python.currentData() == BASE, "one that is installed comes first"
    assert page.offer.isHidden()
    page.python.setCurrentIndex(1)
    assert not page.offer.isHidden()
    place = build.folder(tmp_path / "Zoë B" / "seamline")
    for part in (build.url, "at most 64 MiB", "sha256", str(place), "PSF-2.0"):
        assert part in page.offer.text.text()
    assert not page.start.isEnabled()
    page.offer.consent.setChecked(True)
    assert page.start.isEnabled()
    assert page._choice().program == str(build.program(tmp_path / "Zoë B" / "seamline"))
    # Another place, and another source, are another question.
    page.folder.setFilePath(str(tmp_path / "elsewhere"))
    assert not page.start.isEnabled()
    page.offer.consent.setChecked(True)
    page.wheels.setFilePath(str(tmp_path))
    assert not page.start.isEnabled()
    assert f"Takes {build.archive} from the offline folder" in page.offer.text.text()
    page.python.setCurrentIndex(0)
    assert page.start.isEnabled()
    assert page._choice().standalone is None


def test_where_no_python_is_found_set_up_offers_to_bring_one(page, machine, offering):
    offering(machine, pythons=())
    assert page.python.count() == 1
    assert not page.offer.isHidden()
    assert page.step.text().startswith("No usable Python was found.")
    assert page.step.text().endswith("Or agree that set-up brings one.")
    offering(machine, pythons=(), flatpak=True)
    assert page.step.text().startswith("QGIS runs inside Flatpak")


def test_a_python_that_was_brought_is_chosen_again_without_a_question(page, machine, offering, tmp_path):
    from seamline.qgis_plugin.setup.standalone import standalone

    program = standalone("linux", "x86_64").program(tmp_path / "Zoë B" / "seamline")
    program.parent.mkdir(parents=True)
    program.touch()
    build = offering(machine)
    assert page._choice().standalone == build
    assert "It is there already" in page.offer.text.text()
    assert page.offer.consent.isHidden()
    assert page.start.isEnabled()


def test_the_agreed_python_is_brought_in_the_background_after_a_failure_too(page, machine, monkeypatch, tmp_path):
    from dataclasses import replace

    from seamline.qgis_plugin.setup import work
    from seamline.qgis_plugin.setup.plan import Plan, make_plan
    from seamline.qgis_plugin.setup.standalone import standalone

    answer = {"path": "/p", "version": [3, 13, 18], "nested": False, "lacks": [], "bits": 64}
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ncat <<'E'\n{json.dumps(answer)}\nE\n")
    program.chmod(0o755)
    build = standalone("linux", "x86_64")
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    archive = wheels / build.archive
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(program, "python/bin/python3")
    right = replace(build, sha256=hashlib.sha256(archive.read_bytes()).hexdigest())

    def first_step(choice, needed, launcher):
        return Plan(choice, make_plan(replace(choice, standalone=right), needed, launcher).steps[:1])

    monkeypatch.setattr(work, "make_plan", first_step)
    page._show_machine(replace(machine, pythons=(), standalone=build))
    page.wheels.setFilePath(str(wheels))
    page.offer.consent.setChecked(True)
    whole = archive.read_bytes()
    archive.write_bytes(whole[:-1])
    page.start.click()
    pump(lambda: not page._worker.is_busy)
    assert "is not the file that was published" in page.step.text()
    assert page.start.isEnabled(), "the consent holds for another attempt"
    archive.write_bytes(whole)
    page.start.click()
    pump(lambda: not page._worker.is_busy)
    assert right.program(tmp_path / "Zoë B" / "seamline").is_file()
    assert "It is there already" in page.offer.text.text()
    assert page.offer.consent.isHidden()


def test_a_user_without_a_home_is_asked_for_a_folder(page, clean, monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setattr(clean.Path, "home", homeless)
    assert clean.short_problem() == "The engine is not set up yet"
    page.folder.setFilePath("")
    page.start.click()
    assert "the folder is not given in full; ~/.local/share/seamline; choose one by its whole path" in page.step.text()


def test_the_proxy_of_qgis_reaches_pip(plugin):
    from seamline.qgis_plugin.setup.network import qgis_proxy
    from seamline.qgis_plugin.setup.proxy import proxy_variables

    settings = QgsSettings()
    values = {
        "proxyEnabled": True,
        "proxyType": "HttpProxy",
        "proxyHost": "proxy.lan",
        "proxyPort": "3128",
        "proxyUser": "zoë",
        "proxyPassword": "p@ss",
        "noProxyUrls": ["http://intra.lan"],
    }
    try:
        assert qgis_proxy() is None
        for key, value in values.items():
            settings.setValue(f"proxy/{key}", value)
        address = "http://zo%C3%AB:p%40ss@proxy.lan:3128"
        assert proxy_variables(qgis_proxy()) == {
            "http_proxy": address,
            "https_proxy": address,
            "no_proxy": "intra.lan",
        }
    finally:
        for key in values:
            settings.remove(f"proxy/{key}")


class Window:
    """As much of QGIS's window as the plugin asks for."""

    def __init__(self):
        from qgis.gui import QgsMessageBar
        from qgis.PyQt.QtWidgets import QMainWindow

        self.main, self.bar = QMainWindow(), QgsMessageBar()
        self.factories, self.actions, self.opened = [], [], []

    def mainWindow(self):
        return self.main

    def messageBar(self):
        return self.bar

    def registerOptionsWidgetFactory(self, factory):
        self.factories.append(factory)

    def unregisterOptionsWidgetFactory(self, factory):
        self.factories.remove(factory)

    def addPluginToRasterMenu(self, menu, action):
        self.actions.append(action)

    def removePluginRasterMenu(self, menu, action):
        self.actions.remove(action)

    def showOptionsDialog(self, parent, page):
        self.opened.append(page)


def test_without_an_engine_a_sentence_with_a_button_opens_the_page(clean):
    from seamline.qgis_plugin.plugin import SeamlinePlugin

    window = Window()
    plugin = SeamlinePlugin(window)
    plugin.initGui()
    plugin.initGui()
    (item,) = window.bar.items()
    assert item.text() == "The engine is not set up yet"
    (button,) = [b for b in item.findChildren(QPushButton) if b.text() == "Set up"]
    button.click()
    window.actions[0].trigger()
    assert window.opened == ["seamlineSetup", "seamlineSetup"]
    assert len(window.factories) == 1
    plugin.unload()
    assert (window.factories, window.actions) == ([], [])


@pytest.mark.parametrize("is_closed", [False, True])
def test_the_sentence_goes_when_there_is_an_engine(clean, monkeypatch, is_closed):
    from seamline.qgis_plugin.plugin import SeamlinePlugin

    window = Window()
    plugin = SeamlinePlugin(window)
    plugin.initGui()
    if is_closed:
        window.bar.popWidget()
        pump(lambda: not window.bar.items())
    plugin._window.worker.ended.emit(False, "no room")
    assert len(window.bar.items()) == (not is_closed)
    monkeypatch.setenv("SEAMLINE_PYTHON", BASE)
    plugin._window.worker.ended.emit(True, "")
    pump(lambda: not window.bar.items())
    plugin.unload()


def test_with_an_engine_nothing_is_said(clean, monkeypatch):
    from seamline.qgis_plugin.plugin import SeamlinePlugin

    monkeypatch.setenv("SEAMLINE_PYTHON", BASE)
    window = Window()
    plugin = SeamlinePlugin(window)
    plugin.initGui()
    assert window.bar.items() == []
    plugin.unload()
