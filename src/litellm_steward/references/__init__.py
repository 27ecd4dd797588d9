"""From what a person said to the one thing that is meant, or a question back; never a guess."""
