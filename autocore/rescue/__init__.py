"""What is done about damaged files before anything opens them: they are set aside, and the last good copy takes their place."""
