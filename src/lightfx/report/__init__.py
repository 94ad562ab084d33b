"""Floor 2: tables and documents as values; rendering is a pure function."""

from lightfx.report.sheets import Sheet
from lightfx.report.tables import Row, Table

__all__ = ["Row", "Sheet", "Table"]
