"""An HTTP server that parses strictly and bounds every wait."""
