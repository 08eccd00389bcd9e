"""The graph of lesions over the visits: a Streamlit component in which a reader drags to say which is which."""
