"""Who may: passwords, tokens, the limiter, users and the audit."""
