"""What the services stand on outside of Python: databases and brokers, embedded or prepared for use."""
