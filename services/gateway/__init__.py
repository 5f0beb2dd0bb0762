"""The gateway: what apps and the public talk to, over HTTP.

Owns: nothing but the bytes of attached files; it has no database.
Offers: REST under ``/api/v1``, described by OpenAPI from the schemas with which the services check their arguments.
Emits: nothing.
Hears: nothing; it calls the services by RPC, with the caller's own token.
"""
