"""Surveys as processes of their own, when they are due, and what their datasets say."""
