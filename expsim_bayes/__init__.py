"""Bayesian experiments on GenAI features: simulate before you pay, fit real ratings, decide in plain words.

Nothing is imported here; take what you need from its module.

=============================================  ====================================================================
to read, check or write a scenario             `expsim_bayes.scenario` (`load`, `library`, `Scenario`)
to play experiments                            `expsim_bayes.experiment` (`play`, `run`)
to count how they end, compare ways            `expsim_bayes.operating_characteristics` (`compare`)
to read ratings from a file or a table         `expsim_bayes.readers` (`read`), `expsim_bayes.ratings` (`validate`)
to fit them                                    `expsim_bayes.fit` (`fit`), `expsim_bayes.models`
to know whether a fit can be trusted           `expsim_bayes.diagnostics`
to turn either into facts and a decision       `expsim_bayes.recommend` (`of_experiment`, `of_fit`)
to say it                                      `expsim_bayes.sentences` (`recommendation`)
to see it, to hand it on                       `expsim_bayes.plots`, `expsim_bayes.report`
to check that all of this is right             `expsim_bayes.check`
=============================================  ====================================================================
"""
