"""What happens to every request before and after the routes: counted, logged, limited, and given its headers."""
