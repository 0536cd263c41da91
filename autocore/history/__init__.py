"""The history: what was measured, kept small on disk, found again by time. It listens to entities and knows no plugin."""
