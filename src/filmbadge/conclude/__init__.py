"""From what was kept to what is judged of it: host by host, and all archives together. Nothing here asks anybody."""
