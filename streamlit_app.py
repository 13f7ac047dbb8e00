"""The one-file entry that public hosts of Streamlit apps expect. On your own machine use `expsim app`, which is ready sooner."""

from pathlib import Path

MAIN = Path(__file__).resolve().parent / "apps" / "main.py"
exec(compile(MAIN.read_text(encoding="utf-8"), str(MAIN), "exec"), {"__name__": "__main__", "__file__": str(MAIN)})
