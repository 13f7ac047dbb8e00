"""The Streamlit viewer: widgets, one call, one picture."""
