"""The image viewer: a Streamlit component that draws, windows and measures in the browser."""
