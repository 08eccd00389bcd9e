"""Finds a region of the body in a scan: which, how large, how far to trust it; kept as a mask on request."""

from __future__ import annotations

import streamlit as st

from medcore.errors import N_, Message
from medcore.records import ScanFacts, Study
from medcore.workbench.prepare import FoundRegion, RegionInfo
from pages.ui import faults, state, tray
from pages.ui.words import plain, say, t

GOOD, FAIR = 0.8, 0.5  # from here on a mask is likely to be right, or worth looking at


def choose(study: Study, scan: ScanFacts) -> None:
    """The regions that can be looked for in this scan."""
    with st.popover(t("Find a region"), icon=":material/accessibility_new:"):
        st.caption(t("Found by thresholds and shapes, without a network. Look at the result before you use it."))
        for region in state.workbench().prepare.regions(state.volume(scan.id)):
            st.button(
                t(region.title),
                key=f"region-{region.id}",
                icon=":material/frame_person:",
                help=plain(say(region.reason)) if region.reason else t(region.summary),
                disabled=region.reason is not None,
                on_click=_start,
                args=(study, scan, region),
                width="stretch",
            )


def found(scan: ScanFacts) -> FoundRegion | None:
    """The region found last in this scan."""
    job = state.workbench().jobs.get(state.session().finding.get(scan.id, ""))
    return job.result if job is not None and isinstance(job.result, FoundRegion) else None


def outcome(scan: ScanFacts) -> None:
    """The job that looks for it, then volume and quality, with the reasons, and whether to keep it."""
    job = state.workbench().jobs.get(state.session().finding.get(scan.id, ""))
    if job is None:
        return
    with st.container(border=True, key="region-outcome", gap="xsmall"):
        if not job.state.over:
            tray.follow(job)
        elif isinstance(job.result, FoundRegion):
            _result(scan, job.result)
        elif job.error is not None:
            faults.show(job.error)
        else:
            st.caption(t("Stopped."))


def _result(scan: ScanFacts, region: FoundRegion) -> None:
    quality = region.found.quality
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown(f"**{plain(t(region.title))}**", width="stretch")
        icon, colour, word = _grade(quality)
        st.badge(f"{word} {quality:.2f}", icon=icon, color=colour)  # type: ignore[arg-type]
    for name, ml in region.found.volumes_ml.items():
        st.markdown(f"{plain(t(name))}: **{ml:.0f} ml**" if ml >= 10 else f"{plain(t(name))}: **{ml:.1f} ml**")
    for reason in region.found.reasons:
        mark = ":green[:material/check:]" if reason.score >= GOOD else ":orange[:material/warning:]"
        st.caption(f"{mark} {plain(say(reason.message))}")
    st.caption(t("The quality is a plausibility between 0 and 1: the worst of these reasons decides."))
    with st.container(horizontal=True):
        empty = not any(region.found.volumes_ml.values())
        st.button(
            t("Keep as a mask"),
            icon=":material/save:",
            key="keep-region",
            on_click=_keep,
            args=(scan, region),
            disabled=empty,
        )
        st.button(t("Discard"), type="tertiary", key="drop-region", on_click=_drop, args=(scan,))


def _grade(quality: float) -> tuple[str, str, str]:
    if quality >= GOOD:
        return ":material/check_circle:", "green", t("Plausible")
    if quality >= FAIR:
        return ":material/warning:", "orange", t("With care")
    return ":material/block:", "red", t("Doubtful")


def _start(study: Study, scan: ScanFacts, region: RegionInfo) -> None:
    bench = state.workbench()
    job = bench.jobs.start(
        Message(N_("Finding {region!t}"), {"region": region.title}),
        lambda progress: bench.prepare.find_region(
            study.id, scan.id, region.id, progress=progress, cancelled=progress.cancelled
        ),
    )
    state.session().finding[scan.id] = job.id


def _keep(scan: ScanFacts, region: FoundRegion) -> None:
    names = {value: t(name) for value, name in region.found.mask.names.items()}
    state.workbench().prepare.keep_region(region, name=t(region.title), labels=names)
    st.toast(t("The mask is kept with its scan."), icon=":material/check:")
    _drop(scan)


def _drop(scan: ScanFacts) -> None:
    state.session().finding.pop(scan.id, None)
