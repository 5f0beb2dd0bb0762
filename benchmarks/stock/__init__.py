"""A service on nameko alone, as nameko's own examples are written: a session a call, events after the commit."""
