"""What the tests run against: a real PostgreSQL, a real RabbitMQ, the services as real processes."""
