"""What the tests share: archives that answer, connections that are recorded, and the run's own network."""
