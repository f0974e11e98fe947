"""What the reader looks at: plots, explorers, displayed equations. Nothing here computes a result."""
