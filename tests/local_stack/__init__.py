"""The local stack, with real processes in homes of their own."""
