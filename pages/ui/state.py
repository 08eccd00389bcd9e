"""The cached Workbench and what a session remembers: the only place naming session keys and caches."""

from __future__ import annotations

import gc
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import streamlit as st

from medcore.errors import MedcoreError, SettingsError
from medcore.language import LANGUAGES, best_language
from medcore.predictions import Prediction
from medcore.recipes import Recipe, Setting
from medcore.records import ScanFacts
from medcore.settings import Settings
from medcore.volume import Geometry, Mask, Unit, Volume, Window
from medcore.workbench.analyse import Analysis
from medcore.workbench.comparison_draft import Draft as ComparisonDraft
from medcore.workbench.comparisons import Aligned
from medcore.workbench.corrected import Review
from medcore.workbench.masks import Piece
from medcore.workbench.prepare import Preview
from medcore.workbench.release import Rectangles
from medcore.workbench.workbench import Workbench
from pages.ui.open_drawings import OpenMarks, OpenMasks, OpenReview
from pages.ui.recipe_draft import Draft

PAGES = Path(__file__).resolve().parent.parent
SESSION = "medcore"
STUDY, LANGUAGE = "study", "lang"  # names in a link
TICKED = "batch-studies"
# names in a link that mean nothing for another study
OF_A_STUDY = ("scan", "task", "model", "method", "target", "baseline", "visit", "lesion")


@dataclass(slots=True)
class Exporting:
    """The export dialog of one study or result.

    Args:
        study: Its id.
        run: Only this result and its scan; "" for the whole study.
        covers: Parts of its pictures to blacken, by scan.
        looking: Job that looks at the pictures; "" when they have been looked at.
        looked: All of them have been looked at as they are covered now.
        packing: Job that makes the files.
    """

    study: str
    run: str = ""
    covers: dict[str, Rectangles] = field(default_factory=dict)
    looking: str = ""
    looked: bool = False
    packing: str = ""


@dataclass(slots=True)
class Session:
    """What one browser tab remembers. Ids only: records come from the workbench, so they are never stale.

    Args:
        language: Chosen with the switch; "" follows the browser.
        study: The open study.
        choices: Latest value of each chooser that stands in the link, by its name there.
        ticked: Studies ticked for a batch.
        uploads: Number of uploads so far; a new number gives a fresh, empty drop zone.
        adding: Job that reads the latest upload.
        analysing: Latest job that analyses, by study.
        batch: Job that analyses several studies.
        renamed: Study and its title before the latest rename.
        marks: The marks of each viewer, by its key.
        masks: The masks of each viewer, by its key.
        reviews: The results that are being read, by run.
        reader: Who corrects results, as typed; "" for nobody in particular.
        exporting: The export dialog, while it is open.
        draft: The recipe that is being edited.
        comparing: Latest jobs that align studies or prove that it works, and wishes to align, by the baseline.
        saving: Latest job that applies a recipe, by scan.
        finding: Latest job that looks for a region, by scan.
        working: Latest jobs of the pages Train and Evaluate, by what they do and for what.
        shell_ran: The shell runs now, so a page may.
    """

    language: str = ""
    study: str = ""
    choices: dict[str, str] = field(default_factory=dict)
    ticked: set[str] = field(default_factory=set)
    uploads: int = 0
    adding: str = ""
    analysing: dict[str, str] = field(default_factory=dict)
    batch: str = ""
    renamed: tuple[str, str] | None = None
    marks: dict[str, OpenMarks] = field(default_factory=dict)
    masks: dict[str, OpenMasks] = field(default_factory=dict)
    reviews: dict[str, OpenReview] = field(default_factory=dict)
    reader: str = ""
    exporting: Exporting | None = None
    draft: Draft = field(default_factory=Draft)
    comparing: dict[str, str] = field(default_factory=dict)
    saving: dict[str, str] = field(default_factory=dict)
    finding: dict[str, str] = field(default_factory=dict)
    working: dict[str, str] = field(default_factory=dict)
    shell_ran: bool = False


@st.cache_resource(show_spinner=False)
def workbench() -> Workbench:
    """The one Workbench of this process."""
    return Workbench.open(settings())


@st.cache_resource(show_spinner=False, max_entries=12)
def volume(scan: str) -> Volume:
    """One scan; the same object at every rerun, so that the viewer need not send it again."""
    return workbench().studies.volume(scan)


@st.cache_resource(show_spinner=False, max_entries=24)
def mask(mask_id: str) -> Mask:
    """One mask; the same object at every rerun, so that the viewer need not send it again."""
    return workbench().studies.mask(mask_id)


def likely_task(scan: ScanFacts) -> str | None:
    """The question that a scan is likely for; networks look at a picture whose header says nothing, once."""
    return _likely_task(scan.id, tuple(card.sha256 for card in workbench().models.cards()), scan)


@st.cache_resource(show_spinner=False, max_entries=500)
def _likely_task(scan: str, models: tuple[str, ...], _facts: ScanFacts) -> str | None:
    return workbench().analyse.recognise(_facts)


@st.cache_resource(show_spinner=False, max_entries=200)
def pieces(mask_id: str) -> tuple[Piece, ...]:
    """What one mask measures."""
    return workbench().masks.pieces(mask_id)


def analyses(study: str) -> tuple[Analysis, ...]:
    """Kept results of a study, the newest first; the same objects at every rerun until a job has ended."""
    ended = tuple(job.id for job in workbench().jobs.list() if job.state.over)
    return _analyses(study, ended)


@st.cache_resource(show_spinner=False, max_entries=8, ttl=30)  # the command line may add results too
def _analyses(study: str, ended: tuple[str, ...]) -> tuple[Analysis, ...]:
    return workbench().analyse.latest(study)


def review(analysis: Analysis) -> Review:
    """A result with what readers did to it; the same object at every rerun until one does more."""
    prediction = analysis.prediction
    return _review(prediction.run.id, workbench().corrections.version(prediction.run.id), prediction)


@st.cache_resource(show_spinner=False, max_entries=8)
def _review(run: str, version: int, _prediction: Prediction) -> Review:
    return workbench().corrections.review(_prediction)


@st.cache_resource(show_spinner=False, max_entries=8)
def network_view(run: str, _analysis: Analysis) -> Volume | None:
    """What the network saw in one run, as an image for the viewer."""
    seen = _analysis.seen
    return None if seen is None else Volume(seen[None], Unit.GREY, "", Geometry.pixels(), window=Window(0.5, 1.0))


@st.cache_resource(show_spinner=False, max_entries=6)
def _preview(scan: str, recipe: str, at: int | None, _recipe: Recipe) -> Preview:
    return workbench().prepare.preview(volume(scan), _recipe, at=at)


def preview(scan: str, recipe: Recipe, *, at: int | None = None) -> Preview:
    """A recipe tried on a scan; the same objects at every rerun, so that the viewer need not send them again."""
    return _preview(scan, recipe.canonical, at, recipe)


@st.cache_resource(show_spinner=False, max_entries=6)
def named_mask(key: str, names: tuple[tuple[int, str], ...], _mask: Mask) -> Mask:
    """A mask with other names for its labels; the same object at every rerun."""
    return Mask(_mask.labels, dict(names), _mask.geometry)


def aligned(draft: ComparisonDraft) -> Aligned | None:
    """The studies of a comparison on top of each other; None while they have not been aligned."""
    ended = tuple(job.id for job in workbench().jobs.list() if job.state.over)
    return _aligned(workbench().comparisons.fingerprint(draft), ended, draft)


@st.cache_resource(show_spinner=False, max_entries=3, ttl=600)
def _aligned(fingerprint: str, ended: tuple[str, ...], _draft: ComparisonDraft) -> Aligned | None:
    return workbench().comparisons.known(_draft)


def results_changed() -> None:
    """An explanation has been added to a result."""
    _analyses.clear()


def forget_caches() -> None:
    """Open everything anew at the next use, as tests need it."""
    shown = (volume, mask, pieces, network_view, _preview, named_mask)
    for cached in (workbench, *shown, _likely_task, _analyses, _review, _aligned):
        cached.clear()


def settings() -> Settings:
    """How this installation behaves."""
    return Settings.from_environment()


def session() -> Session:
    """What this browser tab remembers."""
    if SESSION not in st.session_state:
        st.session_state[SESSION] = Session()
    remembered: Session = st.session_state[SESSION]
    return remembered


def language() -> str:
    """Language of this session: the link's, else the switch's, else the installation's, else the browser's."""
    linked = st.query_params.get(LANGUAGE, "")
    if linked in LANGUAGES:
        session().language = linked
    if session().language:
        return session().language
    with suppress(SettingsError):  # which is explained in this very language
        if settings().language:
            return settings().language
    return best_language(st.context.locale or "")


def choose_language(chosen: str) -> None:
    """Show this session in another language; the link keeps it over a reload."""
    session().language = chosen
    _link(LANGUAGE, chosen)


def study_id() -> str:
    """The open study: the link's, else the one this session opened last, else ""."""
    linked = st.query_params.get(STUDY, "")
    if linked and linked != session().study:
        session().study = linked
        session().choices = {}
    return session().study


def open_study(study: str) -> None:
    """Open a study ("": none), on this page and on the others, and put it into the link."""
    before = session().study
    if study != before:
        session().study = study
        session().choices = {}
        for name in OF_A_STUDY if before else ():  # a fresh tab's link says what to show
            _link(name, "")
    _link(STUDY, study)


def forget(study: str) -> None:
    """Drop a deleted study from everything this session remembers."""
    here = session()
    here.ticked.discard(study)
    here.analysing.pop(study, None)
    here.renamed = None
    if here.study == study:
        open_study("")


def tick(study: str) -> None:
    """Tick or untick a study for a batch."""
    session().ticked ^= {study}


def ticked(options: Sequence[str]) -> list[str]:
    """The ticked studies among those that are there; the widget `TICKED` shows them and calls `commit_ticked`."""
    found = [study for study in options if study in session().ticked]
    st.session_state[TICKED] = found
    return found


def commit_ticked() -> None:
    """Take over the studies that the user has just chosen for a batch."""
    session().ticked = set(st.session_state[TICKED])


def go(page: str, **link: str) -> NoReturn:
    """Open another page with the same study."""
    session().choices.update(link)
    st.switch_page(PAGES / page)


def keep_link() -> None:
    """Put what this session has chosen back into the link after a page change has emptied it."""
    _link(STUDY, study_id())
    if session().language:
        _link(LANGUAGE, session().language)


def chosen(name: str, options: Sequence[str], default: str = "") -> str:
    """Value of one chooser: the link's, else the session's, else the default, else the first; it stands in the link.

    The chooser's widget must have the key `widget(name)` and call `commit` on a change.
    """
    wished = (st.query_params.get(name, ""), session().choices.get(name, ""), default, *options)
    value = next((wish for wish in wished if wish in options), "")
    session().choices[name] = value
    st.session_state[widget(name)] = value
    _link(name, value)
    return value


def choose(name: str, value: str) -> None:
    """Choose for the user, as a click on a picture does."""
    session().choices[name] = value
    _link(name, value)


def widget(name: str) -> str:
    """Key of the chooser's widget."""
    return f"choose-{name}"


def commit(name: str) -> None:
    """Take over what the user has just chosen."""
    choose(name, st.session_state[widget(name)] or session().choices.get(name, ""))


def widget_value(key: str) -> str:
    """What a widget holds now, in its callback."""
    return str(st.session_state[key] or "")


def selected_rows(key: str) -> tuple[int, ...]:
    """Rows that are selected in a table, in its callback."""
    return tuple(st.session_state[key]["selection"]["rows"])


def selected_points(key: str) -> tuple[float, ...]:
    """Where on the x axis the points lie that are selected in a chart, in its callback."""
    return tuple(float(point["x"]) for point in st.session_state[key]["selection"]["points"])


def setting(key: str) -> Setting | None:
    """What a slider, switch or chooser holds; None while it is not on the page."""
    held: Setting | None = st.session_state.get(key)
    return held


def stands(viewer: str) -> bool:
    """Whether the viewer of this key stands on the page since the run before, so that its marks are the reader's."""
    return viewer in st.session_state


def enter_shell() -> None:
    """The shell is about to run a page."""
    session().shell_ran = True


def inside_shell() -> bool:
    """Whether the shell runs this page (once: the next run has to say so again)."""
    inside, session().shell_ran = session().shell_ran, False
    return inside


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[None]:
    """Load what is slow in the background once the server answers, and close the store at the end."""
    threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()
    yield
    with suppress(MedcoreError):
        workbench().close()


def _warm_up() -> None:
    with suppress(MedcoreError):  # the page that needs it says what is wrong
        bench = workbench()
        bench.warm_up()
        for card in bench.models.cards()[:1]:
            bench.analyse.engine().warm_up(card)
    gc.freeze()  # what is loaded now stays: no collection need look at torch's half million objects again


def _link(name: str, value: str) -> None:
    if st.query_params.get(name, "") == value:
        return
    if value:
        st.query_params[name] = value
    else:
        del st.query_params[name]
