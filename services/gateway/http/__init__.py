"""HTTP itself: the application, the middleware of every request, and the responses for results and errors."""
