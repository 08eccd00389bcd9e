"""The steps of a recipe with their sliders, and what can be added."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import streamlit as st

from medcore.errors import N_
from medcore.recipes import Parameter, Setting
from medcore.workbench.prepare import StepInfo
from pages.ui import state
from pages.ui.recipe_draft import Entry
from pages.ui.words import plain, say, t

GROUPS = {"grey": N_("Grey values"), "noise": N_("Noise and edges"), "space": N_("Space")}
Num = TypeVar("Num", int, float)
MOST_NOTCHES = 2000  # a finer slider cannot be held; a field for numbers is offered instead


def adder(steps: Sequence[StepInfo]) -> None:
    """Every step by what it changes; one that does not fit the scan says why."""
    with st.popover(t("Add a step"), icon=":material/add:"):
        for group, title in GROUPS.items():
            st.caption(t(title))
            with st.container(horizontal=True, gap="xsmall"):
                for step in steps:
                    if step.group == group:
                        _offer(step)


def listing(steps: Sequence[StepInfo]) -> None:
    """The steps in their order, each with its settings."""
    known = {step.id: step for step in steps}
    entries = state.session().draft.shape.entries
    for number, entry in enumerate(entries, 1):
        with st.container(border=True, key=f"recipe-step-{number}", gap="xsmall"):
            step = known[entry.use.step]
            _head(entry, step, number, len(entries))
            if step.reason is not None:
                st.markdown(f":red[:material/block:] {plain(say(step.reason))}")
            for parameter in step.parameters:
                _setting(entry, parameter)


def fit(steps: Sequence[StepInfo]) -> bool:
    """Whether the scan can take every step of the recipe, as far as its kind says."""
    unfit = {step.id for step in steps if step.reason is not None}
    return not any(entry.use.step in unfit for entry in state.session().draft.shape.entries)


def _offer(step: StepInfo) -> None:
    defaults = {parameter.id: parameter.default for parameter in step.parameters}
    st.button(
        t(step.title),
        key=f"add-{step.id}",
        help=plain(say(step.reason)) if step.reason else t(step.summary),
        disabled=step.reason is not None,
        on_click=_add,
        args=(step.id, defaults),
    )


def _head(entry: Entry, step: StepInfo, number: int, count: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown(f"**{number} · {plain(t(step.title))}**", help=t(step.summary), width="stretch")
        draft = state.session().draft
        _icon("arrow_upward", t("Earlier"), lambda: draft.move(entry.key, -1), entry, disabled=number == 1)
        _icon("arrow_downward", t("Later"), lambda: draft.move(entry.key, 1), entry, disabled=number == count)
        _icon("close", t("Remove"), lambda: draft.remove(entry.key), entry)


def _icon(icon: str, label: str, click: Callable[[], None], entry: Entry, *, disabled: bool = False) -> None:
    st.button(
        "",
        icon=f":material/{icon}:",
        key=f"{icon}-{entry.key}",
        type="tertiary",
        help=label,
        disabled=disabled,
        on_click=click,
        width="content",
    )


def _setting(entry: Entry, parameter: Parameter) -> None:
    """One slider, switch, chooser or field; a change of it is a change of the draft."""
    value = entry.use.settings.get(parameter.id, parameter.default)
    label = t(parameter.title) + (f" ({parameter.unit})" if parameter.unit else "")
    widget = _Widget(
        label,
        key=f"set-{state.session().draft.epoch}-{entry.key}-{parameter.id}",
        help=t(parameter.explained) if parameter.explained else None,
        entry=entry.key,
        parameter=parameter.id,
    )
    if isinstance(value, bool):
        st.toggle(label, value, key=widget.key, help=widget.help, on_change=widget.take)
    elif isinstance(value, str):
        widget.chooser(value, parameter.choices)
    elif isinstance(parameter.default, float):
        low, high = min(parameter.low, value), max(parameter.high, value)
        widget.number(float(low), float(high), float(value), float(parameter.step))
    else:
        low, high = min(parameter.low, value), max(parameter.high, value)
        widget.number(int(low), int(high), int(value), int(parameter.step))


@dataclass(frozen=True, slots=True)
class _Widget:
    """What all widgets of a setting share."""

    label: str
    key: str
    help: str | None
    entry: int
    parameter: str

    def take(self) -> None:
        """Put what the widget holds now into the draft."""
        value = state.setting(self.key)
        if value is not None:
            state.session().draft.set(self.entry, self.parameter, value)

    def chooser(self, value: str, choices: Mapping[str, str]) -> None:
        ids = list(choices)
        st.selectbox(
            self.label,
            ids,
            ids.index(value),
            format_func=lambda one: t(choices[one]),
            key=self.key,
            help=self.help,
            on_change=self.take,
        )

    def number(self, low: Num, high: Num, value: Num, notch: Num) -> None:
        if (high - low) / notch > MOST_NOTCHES:
            st.number_input(self.label, low, high, value, notch, key=self.key, help=self.help, on_change=self.take)
        else:
            st.slider(self.label, low, high, value, notch, key=self.key, help=self.help, on_change=self.take)


def _add(step: str, defaults: Mapping[str, Setting]) -> None:
    state.session().draft.add(step, defaults)
