"""How much is there: enumeration by UIDs and counts."""
