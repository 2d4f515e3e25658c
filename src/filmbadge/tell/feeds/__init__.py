"""Findings in the formats that other tools take: one module a format, all from the same events."""
