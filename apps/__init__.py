"""The dashboard: a thin viewer, widgets -> one call -> one picture.

main       the entry script: navigation over `pages/`, one file a page
asked      what is asked: a scenario with its edits, a way to run it; as TOML, command line, Python and link
answers    the calls behind the pages, cached at the edge
pictures   finished numbers to interactive charts, each with its words
uploads    files of one session; samples to try
guesses    what a table of ratings probably means
question   what is asked of a file of ratings; as command line and Python
jobs       fits in processes of their own, a few at once; `worker` is such a process
opened     fits that were uploaded, opened without trust
shown      what every page shows in the same way: a picture, a decision, the code, trouble
"""
