"""A server that shows nothing but the viewer, for the browser tests: `?case=radiograph` chooses what."""

from pathlib import Path

import streamlit as st

from pages.ui.pixels import ROUTES

app = st.App(Path(__file__).resolve().parent / "viewer_script.py", routes=ROUTES)
