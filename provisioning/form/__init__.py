"""Form BOK-27 as versioned data, and the one check that every door uses."""
