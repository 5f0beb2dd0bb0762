"""A connection to RabbitMQ whose waits end and which survives any message."""
