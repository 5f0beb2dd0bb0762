"""What every service stands on, and what knows nothing of disasters: messages, calls, database, HTTP, observation."""
