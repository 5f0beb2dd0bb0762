"""HTTP itself: the application, what every request passes through, and how results and errors are answered."""
