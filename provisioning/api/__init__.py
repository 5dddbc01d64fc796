"""The REST API `/api/v1`: the door for webapp, for staff tools and for customers' own tokens."""
