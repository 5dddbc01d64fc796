"""Form BOK-27 on the web, one topic a page."""
