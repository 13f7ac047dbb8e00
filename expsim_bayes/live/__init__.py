"""A real experiment that is running: a folder that takes batch after batch of ratings, and says after each what to do.

monitor    begin, add a batch, complete what a killed process left, open
folder     the parts, the manifest that names each with its SHA-256, and what counts as damaged
lock       one writer at a time
settings   how batches are read and fitted
posterior  the one place at which an engine is asked
decision   what the rules of the scenario say of a posterior
look       what a look gave
spent      what the ratings cost, and who of those who rated is whom in the scenario
ahead      what to rate next, and what is still to come
drift      whether a judge has changed between batches
simulated  an experiment as it is simulated, and where the answers are kept
peeking    how often the rule launches something when nothing differs
calibrated the threshold that would hold the false-launch rate, on request
words      all that in plain words
story      the experiment look by look, as a page with figures
"""

from expsim_bayes.live.monitor import Acknowledged, Opened, add, begin, complete, opened
from expsim_bayes.live.settings import Reading, Settings

__all__ = ["Acknowledged", "Opened", "Reading", "Settings", "add", "begin", "complete", "opened"]
