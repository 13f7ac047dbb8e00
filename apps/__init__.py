"""The dashboard: a thin viewer, widgets -> one call -> one picture.

main       the entry script: navigation over `pages/`, one file a page
asked      what is asked: a scenario with its edits, a way to run it; as TOML, command line, Python and link
answers    the calls behind the pages, cached at the edge
pictures   finished numbers to interactive charts, each with its words
shown      what every page shows in the same way: a picture, a decision, the code, trouble
"""
