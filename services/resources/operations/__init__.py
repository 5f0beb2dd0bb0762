"""The writes of the resources service: one function is one use case and one transaction."""

from services.resources.operations.history import record_history

__all__ = ["record_history"]
