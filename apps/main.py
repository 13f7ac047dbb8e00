"""The dashboard's entry: pages and navigation. Started by `expsim app`, or by `streamlit run`."""

from pathlib import Path

import streamlit as st

PAGES = Path(__file__).parent / "views"  # a folder called pages would be taken for another navigation

st.set_page_config(
    page_title="expsim", page_icon=":material/balance:", layout="wide", initial_sidebar_state="collapsed"
)
st.navigation(
    [
        st.Page(PAGES / "start.py", title="Start", icon=":material/balance:", default=True),
        st.Page(PAGES / "story.py", title="Story", icon=":material/auto_stories:", url_path="story"),
        st.Page(PAGES / "simulate.py", title="Simulate", icon=":material/play_circle:", url_path="simulate"),
        st.Page(PAGES / "analyse.py", title="Analyse", icon=":material/upload_file:", url_path="analyse"),
        st.Page(PAGES / "diagnostics.py", title="Diagnostics", icon=":material/troubleshoot:", url_path="diagnostics"),
        st.Page(PAGES / "monitor.py", title="Monitor", icon=":material/monitoring:", url_path="monitor"),
        st.Page(PAGES / "decision.py", title="Recommendation", icon=":material/gavel:", url_path="recommendation"),
    ],
    position="top",
).run()
