"""Kinds of personal data and national identifiers. A value comes in, is looked at, and is forgotten; numbers come out."""
