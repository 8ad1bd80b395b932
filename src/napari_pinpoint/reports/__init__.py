"""Reports as one HTML page with the data behind it: how they are written, and what they say of a comparison."""
