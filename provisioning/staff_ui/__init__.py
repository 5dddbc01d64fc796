"""The staff web UI: queue, one application, typing in paper forms, decisions, audit."""
