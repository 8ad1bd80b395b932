"""The tab Results: look at what was found, and go there."""
