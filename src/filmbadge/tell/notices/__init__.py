"""Letters to those who run archives: who is written to, what the letter says, and who was told what. Nothing is sent."""
