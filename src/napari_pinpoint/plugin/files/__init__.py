"""Files in and out: napari's reader, writer and sample data, and what asks for a file."""
