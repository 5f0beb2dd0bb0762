"""PostgreSQL and the broker inside our own process tree, for `run`, `demo` and the tests."""
