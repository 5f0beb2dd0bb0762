"""Example values for the fields of all schemas, by their name, or by ``Schema.field`` where the name is not enough."""

from __future__ import annotations

from typing import Any, Final

EXAMPLES: Final[dict[str, Any]] = {
    "id": "01978f3d-0c00-7d30-8f33-2a3b4c5d6e7f",
    "title": "Bridge washed away",
    "description": "The bridge is gone; about forty people are cut off on the other bank.",
    "location": {"type": "Point", "coordinates": [-72.53, 18.23], "address": "Jacmel"},
    "reported_at": "2026-01-31T12:00:00Z",
    "status": "confirmed",
    "Problem.status": 422,
    "Resource.status": "available",
    "AvailableResource.status": "available",
    "NearResource.status": "available",
    "ResourceHistoryEntry.status": "limited",
    "ChangeResourceStatus.status": "limited",
    "notes": "Seen by the river watch.",
    "resolution_notes": "A ferry is running.",
    "content": "The ford upstream can be passed on foot.",
    "email": "ada@impactx.example",
    "password": "a long enough password",
    "current_password": "a long enough password",
    "new_password": "another long enough password",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "phone": "+509 2812 0000",
    "preferences": {"regions": ["HT"], "language": "ht"},
    "code": "HT-SE",
    "role": "responder",
    "color_code": "#D32F2F",
    "level": 4,
    "capacity": 120,
    "current_usage": 35,
    "usage_change": 4,
    "contact_email": "shelter@impactx.example",
    "lon": -72.53,
    "lat": 18.23,
}
