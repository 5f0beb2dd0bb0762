"""Alerts as messages of the Common Alerting Protocol 1.2 (OASIS, 1 July 2010)."""

from services.alerts.cap.message import SENDER, Message, Reference, write
from services.alerts.cap.polygons import polygons_of

__all__ = ["SENDER", "Message", "Reference", "polygons_of", "write"]
