"""PostgreSQL: connections and transactions, error translation, keyset paging, table parts, migrations.

Everything is SQLAlchemy Core on psycopg 3; there are no ORM sessions. Operations and queries are plain
functions that take a `sqlalchemy.Connection`, lent by one of the three blocks of `shared.platform.db.engine.Database`.
"""
