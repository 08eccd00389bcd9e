"""What changed, laid over the baseline: grey values, masks, tissue; of radiographs a model's probability and heat."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from medcore.cards import ModelCard
from medcore.errors import N_, Message
from medcore.workbench import comparison_answer, comparison_changes
from medcore.workbench.comparison_changes import Change, Changes, Layer, Series, Shown
from medcore.workbench.comparisons import Aligned, Found
from medcore.workbench.jobs import JobState
from pages.ui import charts, compare_charts, compare_draft, pick, show, state
from pages.ui.compare_draft import Reading
from pages.ui.viewer.panes import ColourMap, Focus, HeatOverlay, LabelOverlay, Layout, Overlay, Pane
from pages.ui.viewer.viewer import viewer
from pages.ui.words import percent, plain, signed, t

PIXELS = 560
MEANING = {
    "difference": N_(
        "Orange: brighter than before, blue: darker. Less than one in twenty marked voxels should be noise. "
        "Posture, contrast agent and swelling change a picture too: a marked place is no diagnosis."
    ),
    "masks": N_("The masks of both studies on the baseline: what was gained, what was lost, what stayed."),
    "growth": N_(
        "Orange: the tissue was stretched to fit the later study, blue: it was shrunk; less than 15 % is left out. "
        "Where grey values are even, bending is a guess."
    ),
}


def page(reading: Reading, aligned: Aligned, visit: int, picture: st.delta_generator.DeltaGenerator) -> None:
    """What changed at one later study; the figures here, the picture in `picture`."""
    if not aligned.alignments[visit - 1].trust.trusted and not reading.draft.accepted:
        st.info(t("No change is shown while the alignment is in doubt."), icon=":material/block:")
        with picture:
            _viewer(reading, (), "none")
        return
    if aligned.moments[0].scan.shape[0] == 1:
        _radiographs(reading, aligned, visit, picture)
    else:
        _volumes(reading, aligned, visit, picture)


def mapped(reading: Reading) -> tuple[Change | None, ...]:
    """What was mapped so far of each later study, for the report; None for the others."""
    found = []
    for visit in range(1, len(reading.draft.visits)):
        job = state.workbench().jobs.get(state.session().comparing.get(_key(reading, visit), ""))
        result = job.result if job is not None and job.state is JobState.DONE else None
        found.append(result.change if isinstance(result, Shown) else None)
    return tuple(found)


def again(reading: Reading, aligned: Aligned, found: Found) -> bool:
    """Make the maps anew that were made before this session, so that a reload loses none; whether one is under way."""
    if aligned.moments[0].scan.shape[0] == 1:
        return False
    for visit in sorted(_door().mapped(reading.draft)):
        _again(reading, aligned, found, visit)
    jobs = [state.session().comparing.get(_key(reading, visit), "") for visit in range(1, len(reading.draft.visits))]
    under_way = [one for one in jobs if _running(one)]
    for one in under_way:
        compare_draft.follow(one)
    return bool(under_way)


def _again(reading: Reading, aligned: Aligned, found: Found, visit: int) -> None:
    """Start the map of one study if no job of this session knows it."""
    key = _key(reading, visit)
    if state.workbench().jobs.get(state.session().comparing.get(key, "")) is None:
        _start(reading, aligned, found, visit, key)


def asked(reading: Reading, aligned: Aligned) -> Series | None:
    """The answers of the first model that was asked about every radiograph, for the report; None without any."""
    door = _door()
    if aligned.moments[0].scan.shape[0] != 1:
        return None
    every = (door.series(reading.draft, aligned, card) for card in door.models(reading.draft))
    return next((series for series in every if series is not None), None)


def _key(reading: Reading, visit: int) -> str:
    """Where the session keeps the job that maps the change of one study."""
    return f"changes {state.workbench().comparisons.fingerprint(reading.draft)} {visit}"


def _door() -> Changes:
    bench = state.workbench()
    return Changes(bench.store, bench.analyse)


def _volumes(reading: Reading, aligned: Aligned, visit: int, picture: st.delta_generator.DeltaGenerator) -> None:
    found = compare_draft.concluded(reading, aligned)
    if found is None:
        return
    key = _key(reading, visit)
    if visit in _door().mapped(reading.draft):
        _again(reading, aligned, found, visit)
    started = state.session().comparing.get(key, "")
    job = compare_draft.follow(started) if started else None
    result = job.result if job is not None else None
    shown = result if isinstance(result, Shown) else None
    if shown is None:
        st.caption(t("Compares the two scans voxel by voxel against the noise of tissue that did not change."))
        busy = _running(started)
        if st.button(
            t("Map the change"), type="primary", icon=":material/difference:", key="compare-map", disabled=busy
        ):
            _start(reading, aligned, found, visit, key)
            st.rerun()
        with picture:
            _viewer(reading, (), "none")
        return
    options = {"difference": t("Grey values"), "masks": t("Masks"), "growth": t("Tissue")}
    offered = {name: title for name, title in options.items() if _offered(shown, name)}
    what = pick.segment("what", t("Over the baseline"), offered)
    with picture:
        _viewer(reading, _overlays(shown, what), what, focus=_first(aligned, found))
    _figures(shown, aligned, what)


def _running(job_id: str) -> bool:
    job = state.workbench().jobs.get(job_id) if job_id else None
    return job is not None and not job.state.over


def _start(reading: Reading, aligned: Aligned, found: Found, visit: int, key: str) -> None:
    door, draft = _door(), reading.draft
    job = state.workbench().jobs.start(
        Message(N_("Mapping the change")),
        lambda progress: door.of_visit(draft, aligned, found, visit, progress=progress, cancelled=progress.cancelled),
    )
    state.session().comparing[key] = job.id


def _offered(shown: Shown, what: str) -> bool:
    return {"difference": bool(shown.difference), "masks": shown.mask is not None, "growth": bool(shown.growth)}[what]


def _overlays(shown: Shown, what: str) -> tuple[Overlay, ...]:
    if what == "masks" and shown.mask is not None:
        names = tuple((value, t(name)) for value, name in shown.mask.names.items())
        named = state.named_mask(f"change-{id(shown)}", names, shown.mask)
        return (LabelOverlay(named, t("Masks: gained, lost, kept"), fill=True),)
    return tuple(_overlay(layer) for layer in (shown.growth if what == "growth" else shown.difference))


def _overlay(layer: Layer) -> HeatOverlay:
    colours = ColourMap.WARM if layer.rises else ColourMap.COOL
    return HeatOverlay(layer.heat, t(layer.title), colours=colours, opacity=0.75, threshold=layer.threshold)


def _first(aligned: Aligned, found: Found) -> Focus | None:
    """Where the first lesion is, so that the map opens on one."""
    place = next((row.place for row in comparison_answer.rows(aligned, found) if row.place is not None), None)
    return None if place is None else Focus(place)


def _viewer(reading: Reading, overlays: tuple[Overlay, ...], what: str, *, focus: Focus | None = None) -> None:
    scan = reading.draft.visits[0].scan
    pane = Pane(state.volume(scan), compare_draft.title_of(reading, 0), overlays)
    with st.container(key="viewport-large"):
        viewer(
            [pane], key=f"compare-change-{what}-{scan[:12]}", height=PIXELS, layout=Layout.ONE, tools=False, focus=focus
        )


def _figures(shown: Shown, aligned: Aligned, what: str) -> None:
    """What the map says in figures, and its files."""
    change = shown.change
    if change.map is not None:
        facts = {
            t("Changed share of what was compared"): f"{100 * change.map.share:.2f} %",
            t("Counts from"): f"|z| {change.map.threshold:.1f}",
        }
        if change.voxel_ml is not None and change.map.brighter_ml is not None and change.map.darker_ml is not None:
            facts[t("Brighter")] = f"{change.map.brighter_ml:.2f} ml"
            facts[t("Darker")] = f"{change.map.darker_ml:.2f} ml"
        show.facts(facts)
    rows = comparison_changes.change_rows(shown)
    if rows:
        table = _table(rows, change.voxel_ml)
        st.dataframe(table, hide_index=True, height=35 * (min(len(table), 8) + 1) + 2)
    st.caption(t(MEANING[what]))
    if what == "difference":
        st.caption(t(comparison_changes.REACH_WORDS))
    baseline = aligned.moments[0].scan
    with st.container(horizontal=True):
        if change.map is not None and comparison_changes.can_download(baseline):
            st.download_button(
                t("Map of z (NIfTI)"),
                lambda: comparison_changes.z_nifti(shown, baseline),
                "medcore-change-z.nii.gz",
                "application/gzip",
                icon=":material/download:",
                key="compare-z",
            )
        if rows:
            data = comparison_changes.changes_csv(shown)
            st.download_button(t("Table as CSV"), data, "medcore-changes.csv", "text/csv", key="compare-changes-csv")


def _table(
    rows: Sequence[tuple[str, int, int, int, float | None, float | None, float | None]], voxel_ml: float | None
) -> pd.DataFrame:
    """What each lesion gained, lost and kept: in ml where a voxel has a size, else in voxels."""
    factor, unit = (1.0, t("voxels")) if voxel_ml is None else (voxel_ml, "ml")
    lines = []
    for name, gained, lost, kept, _, _, tissue in rows if len(rows) > 2 else rows[-1:]:
        amounts = {t("gained"): gained, t("lost"): lost, t("kept"): kept}
        line: dict[str, str] = {t("Lesion"): name or t("all")}
        for title, voxels in amounts.items():
            line[f"{title}, {unit}"] = f"{voxels}" if voxel_ml is None else f"{voxels * factor:.2f}"
        line[t("tissue %")] = "" if tissue is None else signed(tissue)
        lines.append(line)
    table = pd.DataFrame(lines)
    return table if table[t("tissue %")].any() else table.drop(columns=t("tissue %"))


def _radiographs(reading: Reading, aligned: Aligned, visit: int, picture: st.delta_generator.DeltaGenerator) -> None:
    door = _door()
    cards = {card.id: card for card in door.models(reading.draft)}
    if not cards:
        st.info(t("No installed model takes this radiograph."), icon=":material/info:")
        with picture:
            _viewer(reading, (), "none")
        return
    card = cards[pick.one_of("model", t("Model"), {key: t(one.title) for key, one in cards.items()}, hide_single=True)]
    key = f"ask {reading.baseline.id} {card.id}"
    compare_draft.follow(state.session().comparing.get(key, ""))
    series = door.series(reading.draft, aligned, card)
    if series is None:
        st.caption(t("Asks the model about every study, then compares probability and heat at the same place."))
        busy = _running(state.session().comparing.get(key, ""))
        if st.button(
            t("Ask the model"), type="primary", icon=":material/psychology:", key="compare-ask", disabled=busy
        ):
            _ask(reading, card, key)
            st.rerun()
        with picture:
            _viewer(reading, (), "none")
        return
    with picture:
        layers = comparison_changes.heat_layers(series, visit)
        _viewer(reading, tuple(_overlay(layer) for layer in layers), f"heat-{visit}")
    _series(reading, series, visit)


def _ask(reading: Reading, card: ModelCard, key: str) -> None:
    door, draft = _door(), reading.draft
    job = state.workbench().jobs.start(
        Message(N_("Asking the model about every study")),
        lambda progress: door.ask(draft, card, progress=progress, cancelled=progress.cancelled),
    )
    state.session().comparing[key] = job.id


def _series(reading: Reading, series: Series, visit: int) -> None:
    st.markdown(f"**{plain(t(series.title))}**  \n:small[{plain(series.model)}]")
    rows = [
        {
            t("Visit"): compare_draft.title_of(reading, number),
            t("Probability"): percent(figure.probability),
            **({t("Opacity score"): f"{figure.score:.0f}"} if series.placed else {}),
        }
        for number, figure in enumerate(series.figures)
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True)
    if len(series.figures) > 2:
        days = [compare_draft.day_of(reading, number) for number in range(len(series.figures))]
        name = t("Opacity score") if series.placed else t("Probability, %")
        values = [figure.score if series.placed else 100 * figure.probability for figure in series.figures]
        labels = [compare_draft.title_of(reading, number) for number in range(len(days))]
        figure = compare_charts.course(values, days, labels, name)
        st.plotly_chart(figure, config=charts.CONFIG, key=f"compare-series-{series.model}")
    change = series.changes[visit - 1]
    if change is not None:
        area = t("lung field") if series.placed else t("picture")
        show.facts(
            {
                t("Share of the {area} with more heat", area=area): percent(change.more),
                t("Share of the {area} with less heat", area=area): percent(change.less),
            }
        )
    if series.placed:
        st.caption(t(comparison_changes.SCORE_WORDS))
