"""The dataset: its schema, an append-only writer, and a reader that offers it as SQL views."""
