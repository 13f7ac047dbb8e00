"""Posteriors of scores without a sampler and without given components: effects integrated out exactly, components over weighted points.

`moments` ratings added up to what their marginal likelihood hangs on;
`marginal` that likelihood with its slopes;
`latent` the effects' posterior given the components;
`parameters` components as numbers that are standard normal before a rating is seen;
`integration` a density's mode, points around it, weights and draws;
`scores` all of it for one data set, as a fit;
`planned` what all looks of an experiment share, `tables` the same sums for many replications, look after look;
`axes` averages over many densities that change a little from look to look;
`looks` all of it for the loop of an experiment.
"""
