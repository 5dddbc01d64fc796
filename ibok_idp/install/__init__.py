"""What people install: the files of deploy/ taken out of the package, settings written with fresh secrets, and checked."""
