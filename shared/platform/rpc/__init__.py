"""Remote procedure calls over AMQP, on nameko's wire: serve them (`operation`) and make them (`client`)."""
