"""Files: images in, tables in and out. Every foreign convention is converted here and nowhere else."""
