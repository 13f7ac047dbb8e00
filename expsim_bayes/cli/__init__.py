"""The `expsim` command: a verb a file, and what all of them share.

app        the command itself: verbs, version, exit codes, what happens when something fails
scenarios  expsim scenario list, show, prices, check
simulate   expsim simulate: one experiment told look by look, or many counted
compare    expsim compare: strategies and evaluators side by side
pretend    expsim pretend: ratings of any kind made up, with their truth
fit        expsim fit: real ratings to a decision
monitor    expsim monitor init, add, status, next, report: a running experiment, batch after batch; watched: what it shows
report     expsim report: the pages of a finished folder, written again
diagnose   expsim diagnose: whether a fit may be believed, and why
export     expsim export: a fit as netCDF or Zarr
serve      expsim app: the dashboard, served by a process of its own
options    options that several verbs have, and how their values are read
reading, question  options with which a file is read and its ratings are fitted
screen     what a terminal shows: paragraphs, tables that fit the window, progress, errors, JSON
tables     facts turned into tables
advice     the recommendation, on the screen and as JSON
exits      exit codes
folder     the folder of --out: tried before the work, locked during it, complete or recognisably not
"""

from __future__ import annotations

import os
import signal
from typing import NoReturn

# Thousands of small matrices are solved faster by one thread than by several that wait for each other; read when NumPy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__all__ = ["main"]


def main() -> NoReturn:
    """Run `expsim`, as the script of that name does; Ctrl-C while the modules are imported ends it quietly, since nothing is begun."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # it stays ignored where it is, as behind `nohup` and `&`
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from expsim_bayes.cli.app import main as run

    signal.signal(signal.SIGINT, before)
    run()
