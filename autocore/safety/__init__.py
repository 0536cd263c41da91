"""What stops everything, and keeps it stopped (safety.md 4)."""
