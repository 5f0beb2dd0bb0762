"""The services of ImpactX. Each owns its tables and talks to the others by RPC and events only."""
