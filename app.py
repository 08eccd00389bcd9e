"""The ASGI entry: `streamlit run app.py` or `uvicorn app:app`."""

from pathlib import Path

import streamlit as st

from pages.ui import faults, state
from pages.ui.pixels import ROUTES

ROOT = Path(__file__).resolve().parent

# The script stands in pages/ui, not beside pages/: otherwise Streamlit would run pages/*.py without the shell
# when a deep link is the very first request.
app = st.App(ROOT / "pages" / "ui" / "shell.py", routes=ROUTES, lifespan=state.lifespan, on_script_error=faults.show)
