"""The event spine: outbox, relay, topic exchanges, subscribe, dead letters."""
