"""The science: one generative story a file, each an explicit hierarchical PyMC model that reads like a paper's model section.

`continuous` scores on a continuous scale, by people and judges.
"""
