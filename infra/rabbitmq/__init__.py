"""Prepares a RabbitMQ for the services: a user for each, with the least rights that it needs."""
