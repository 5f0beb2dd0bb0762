"""What happens to every request before and after its view: the access log, rate limits, and headers for browsers."""
