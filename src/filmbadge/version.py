"""The version. It is written once, in pyproject.toml; the installed package knows it from there."""

from importlib.metadata import version

RELEASE = version("filmbadge")
SERIES = ".".join(RELEASE.split(".")[:2])  # such as 0.1: what archives are told
