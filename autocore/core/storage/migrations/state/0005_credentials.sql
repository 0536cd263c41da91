-- The passwords of devices at the broker, as it checks them; what each may do there stands with the device itself.
CREATE TABLE credential (
    device TEXT PRIMARY KEY,
    salt TEXT NOT NULL,
    digest TEXT NOT NULL,
    iterations INTEGER NOT NULL,
    boot INTEGER NOT NULL,
    issued_ns INTEGER NOT NULL
) WITHOUT ROWID;
