"""Archives that make an instrument say something false: what they hold, how they answer, and the truth about them."""
