"""The tab Evaluate: points against the truth, or against any other points."""
