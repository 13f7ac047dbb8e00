"""The library of ready experiments: a TOML file each, read by `expsim_bayes.scenario.load`."""
