"""What one would write without ImpactX: one Flask application on SQLAlchemy, in one process, with nothing beside."""
