"""How the embedded server is set: for a small machine and many short statements."""

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "200",
    "timezone": "UTC",
    # a machine with two cores, some memory to spare and an SSD
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    "random_page_cost": "1.1",
    # our statements are short; compiling them costs more than it saves
    "jit": "off",
    # fewer checkpoints under load, spread out
    "max_wal_size": "2GB",
    "wal_buffers": "16MB",
    "checkpoint_timeout": "15min",
    # incremental backups read the summaries; what is not yet received is kept, but does not fill the disk
    "summarize_wal": "on",
    "max_slot_wal_keep_size": "8GB",
    # outboxes are filled and emptied all the time
    "autovacuum_naptime": "15s",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_min_duration_statement": "1s",
    # the values of parameters are people's data
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}

UNSAFE_SETTINGS = {"fsync": "off", "full_page_writes": "off"}
"""For tests: a crash of the machine may destroy the data; a kill of the server does not lose a commit."""
