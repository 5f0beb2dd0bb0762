"""Events: written with the change in the outbox, published by a relay, handled at least once and in order."""
