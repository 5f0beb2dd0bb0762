"""Signing in and out, one's own account, and the keys that tokens are checked with."""

from __future__ import annotations

from services.gateway.routes.blueprint import ResourceBlueprint
from services.identity import schemas
from shared.platform.schemas import Empty

auth = ResourceBlueprint("auth", "Signing in and staying signed in.")

auth.offer("POST", "/auth/login", "identity.authenticate", schemas.Authenticate, schemas.SignedIn)
auth.offer("POST", "/auth/refresh", "identity.refresh", schemas.Refresh, schemas.Tokens)
auth.offer("POST", "/auth/logout", "identity.revoke", schemas.RefreshToken)
auth.offer("GET", "/auth/me", "identity.get_me", Empty, schemas.Me)
auth.offer("PUT", "/auth/password", "identity.change_password", schemas.ChangePassword)
auth.offer("GET", "/auth/keys", "identity.get_jwks", Empty, schemas.PublicKeys)
