"""What ImpactX stands on: PostgreSQL, the broker, and what brings them up."""
