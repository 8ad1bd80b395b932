"""The tab Localize: its form, its preview, its runs."""
