"""The dashboard: a thin viewer, widgets -> one call -> one picture.

main       the entry script: navigation over `views/`, one file a page
asked      what is asked: a scenario with its edits, a way to run it; as TOML, command line, Python and link
answers    the calls behind the pages, cached at the edge
marks      parts of an interactive chart: lines, names at their ends, levels, axes
pictures   finished numbers to interactive charts, each with its words
uploads    files of one session; samples to try
guesses    what a table of ratings probably means
labels     what the page Analyse calls options, columns and choices
question   what is asked of a file of ratings; as command line and Python
jobs       fits in processes of their own, a few at once; `worker` is such a process
shown      what every page shows in the same way: a picture, a decision, the code, trouble
controls   widgets that set up a simulated experiment, bound to the page's address
knobs      what of a scenario can be changed on a page
tables     what a simulated experiment says, as tables
kept       what a session keeps from page to page
story      the guided story, step by step; `quiz` comes after it
handed     what a session takes away: card, report, figures, data
monitored  experiments in folders as they stand, `monitor_pictures` their looks; demonstration: a made-up one for a session
served, warm  how `expsim app` starts the server, its first answer ready
"""
