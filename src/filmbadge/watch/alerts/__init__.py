"""What there is to tell, to whom, and when."""
