"""What is measured, one module a contest."""
