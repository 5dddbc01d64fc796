"""Files from outside: read in a child process, made harmless."""
