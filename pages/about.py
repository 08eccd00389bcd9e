"""About: what MedCore is for, what it keeps, how it is used, and what runs here."""

import streamlit as st

from pages.ui import guard, keys, show, state
from pages.ui.words import giga, plain, say, t

guard.inside_shell()

about = state.workbench().about
use, machine = st.columns(2, gap="large")
with use:
    st.subheader(t("What MedCore is for"))
    st.markdown(
        t(
            "MedCore shows how networks read medical scans. It is made for research and teaching. It is **not a "
            "medical device**, it is not certified, and it must not be used for diagnosis or treatment. A probability "
            "is a figure on one model's scale: it is not the chance that a person is ill."
        )
    )
    st.subheader(t("Privacy"))
    burnt = t("Text burnt into the pixels is not removed: look before you show a scan to others.")
    st.markdown("\n".join(f"- {plain(line)}" for line in (*map(say, about.privacy()), burnt)))

with machine:
    st.subheader(t("This installation"))
    storage = about.storage()
    show.facts(
        {
            t("Networks run on"): say(about.device()),
            t("Data folder"): str(storage.folder),
            t("Database"): storage.database,
            t("Studies"): str(storage.studies),
            t("Used"): giga(storage.used_bytes),
            t("Free"): giga(storage.free_bytes),
        }
    )
    st.subheader(t("Versions"))
    show.facts(about.versions())
    with st.expander(t("Licences of all packages"), icon=":material/gavel:"):
        st.dataframe(
            [
                {t("Package"): entry.package, t("Version"): entry.version, t("Licence"): entry.licence}
                for entry in about.licences()
            ],
            hide_index=True,
        )

st.subheader(t("Keyboard and mouse"))
with st.container(key="keys"):
    show.facts(keys.sheet())
