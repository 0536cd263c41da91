"""REST, one resource a file. Every route says which role and which action it needs; one without is refused."""
