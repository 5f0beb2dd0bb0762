"""The system in containers: its image, its secrets and its probes."""
