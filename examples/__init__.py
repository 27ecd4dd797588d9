"""Examples that run: a gateway to try the server on, and sessions with it."""
