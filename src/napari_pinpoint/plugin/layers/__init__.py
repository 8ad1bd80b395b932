"""Tables and stacks as layers of napari, and back. No widget is made in here."""
