"""What takes a while, in threads of its own: the viewer's one long job, short tasks, questions of widgets."""
