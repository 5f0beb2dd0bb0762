"""The specification's tables of reports, mapped as nameko's examples map theirs, in a schema of their own."""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - SQLAlchemy reads the annotations
import uuid
from typing import Any

from sqlalchemy import Column as Reflected
from sqlalchemy import DateTime, ForeignKey, Index, Integer, MetaData, String, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SCHEMA = "stock"
IDENTITY_AND_CATALOGUES = (
    "identity.users",
    "identity.regions",
    "reports.report_types",
    "reports.severity_levels",
)


class Base(DeclarativeBase):
    metadata = MetaData(schema=SCHEMA)


for name in IDENTITY_AND_CATALOGUES:
    schema, _, table = name.partition(".")
    Table(table, Base.metadata, Reflected("id", UUID, primary_key=True), schema=schema)


class Report(Base):
    __tablename__ = "reports"

    id: Mapped[uuid.UUID] = mapped_column(UUID, primary_key=True, default=uuid.uuid4)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("identity.users.id"), index=True)
    region_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("identity.regions.id"), index=True)
    report_type_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("reports.report_types.id"), index=True)
    severity_level_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("reports.severity_levels.id"), index=True)
    title: Mapped[str] = mapped_column(String(255))
    description: Mapped[str] = mapped_column(Text)
    location: Mapped[dict[str, Any]] = mapped_column(JSONB)
    status: Mapped[str] = mapped_column(String(50), default="pending", index=True)
    reported_at: Mapped[dt.datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), index=True
    )
    resolved_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[dt.datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), onupdate=func.now()
    )
    updated_by: Mapped[uuid.UUID | None]
    version: Mapped[int] = mapped_column(Integer, default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - as SQLAlchemy's documentation writes it


class StatusHistory(Base):
    __tablename__ = "report_status_history"
    __table_args__ = (Index(None, "changed_at"),)

    id: Mapped[uuid.UUID] = mapped_column(UUID, primary_key=True, default=uuid.uuid4)
    report_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("stock.reports.id"), index=True)
    status: Mapped[str] = mapped_column(String(50))
    changed_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("identity.users.id"))
    notes: Mapped[str | None] = mapped_column(Text)
    changed_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


def result_of(report: Report) -> dict[str, Any]:
    """All of the report, as ours answers."""
    return {
        "id": str(report.id),
        "user_id": str(report.user_id),
        "region_id": str(report.region_id),
        "report_type_id": str(report.report_type_id),
        "severity_level_id": str(report.severity_level_id),
        "title": report.title,
        "description": report.description,
        "location": report.location,
        "status": report.status,
        "reported_at": report.reported_at.isoformat(),
        "created_at": report.created_at.isoformat(),
        "updated_at": report.updated_at.isoformat(),
        "version": report.version,
    }
