"""Surveys that were compared, for a terminal, as a document and as a page."""
