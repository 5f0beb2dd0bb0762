"""Measures ImpactX beside its floors and beside a service written with nameko as its examples do: `make bench`."""
