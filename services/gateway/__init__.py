"""The gateway: the HTTP interface for apps and for the public.

Owns: the bytes of attached files; it has no database.
Offers: REST under ``/api/v1``, described by OpenAPI from the schemas with which the services check their arguments.
Emits: nothing.
Hears: all events, for the live stream; it calls the services by RPC, with the caller's own token.
"""
