"""The OpenAPI description, made from the routes."""
