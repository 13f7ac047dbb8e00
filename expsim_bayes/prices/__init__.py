"""What models and people cost, by name, each with its source and the day on which it was read there.

library    the prices of `prices.toml`, and those of genai-prices for models that are not in it
"""

from expsim_bayes.prices.library import Price, filled_in, price, priced

__all__ = ["Price", "filled_in", "price", "priced"]
