"""The main job end to end: a whole stack of real processes, files in, cited answers out."""
