"""What each page shows, as records. The pages and the API hand out the same."""
