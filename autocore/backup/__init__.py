"""Backup and restore: one file with configuration, databases and plugins' files; made while the gateway runs, and put back."""
