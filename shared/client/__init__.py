"""What another program needs to call ImpactX and to hear its events; it knows neither nameko nor a database."""
