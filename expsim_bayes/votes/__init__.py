"""The posterior of votes (stars, preferences, rankings) without a sampler, for many replications at once: effects around their modes.

Compiled: `laws` a vote's probability, `scales` cuts of a scale of steps, `linear` small matrices, `items` the votes of one item,
`places` its rankings, and `compiling` how;
`modes` the modes of the effects given the components, and the Laplace approximation there;
`rows` votes of looks as arrays, `points` those over how outputs that are ranked suit an item;
`stars`, `duels` and `rankings` what each kind of votes hangs on, and quality;
`known` all of it for the loop of an experiment, the components followed and averaged over as those of scores are.

For one data set, as a fit: `layout` counts real votes into rows, `of_stars`, `of_duels` and `of_rankings` what they hang on, `components`
what is estimated; compiled, `blocks` and `whole` modes and densities of all effects but those of items, which are integrated out,
`ordered` those of rankings; `sets` these by threads; `single` draws of all of it, weighed; `fitted` the groups of a fit.
"""
