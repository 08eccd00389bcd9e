"""Models: what each model is for, how good it was measured to be, and where it fails."""

import streamlit as st

from pages.ui import guard, model_cards, state
from pages.ui.words import plain, say, t

guard.inside_shell()

cards = state.workbench().models.cards()
if not cards:
    st.subheader(t("No model yet"))
    st.markdown(
        t(
            "A model is a folder under models/ with a card, its weights and its evaluation. "
            "Restore one from a release, or train one."
        )
    )
    st.stop()

titles = {key: t(task.title) for key, task in state.workbench().analyse.tasks().items()}
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
    st.caption(t("Every figure was measured on images that the model had not seen."))
    verify = st.button(t("Verify the weights"), icon=":material/verified_user:", key="verify")
if verify:
    with st.spinner(t("Comparing SHA-256 digests")):
        results = state.workbench().models.verify()
    for result in results:
        if result.ok:
            st.success(
                t("{model}: the weights are the ones of the card.", model=plain(result.id)), icon=":material/check:"
            )
        else:
            st.error(
                f"{plain(result.id)}: {plain(say(result.reason)) if result.reason else ''}", icon=":material/block:"
            )

for task, title in titles.items():
    of_task = [card for card in cards if card.task == task]
    if of_task:
        st.header(title, divider="gray")
    for card in of_task:
        with st.container(border=True):
            model_cards.full(card)
