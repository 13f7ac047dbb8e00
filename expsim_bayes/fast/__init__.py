"""The posterior of one data set without a sampler: effects integrated out, components over weighted points.

`moments` ratings added up to what their marginal likelihood hangs on;
`marginal` that likelihood with its slopes, and the effects' posterior;
`parameters` components as numbers that are standard normal before a rating is seen;
`integration` a density's mode, points around it, weights and draws;
`scores` all of it for the score story.
"""
