-- Entities get a number, so that the last states, written every 30 seconds, weigh half and have no second index.
ALTER TABLE entity RENAME TO old_entity;
CREATE TABLE entity (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    kind TEXT NOT NULL,
    description TEXT NOT NULL,
    overrides TEXT NOT NULL DEFAULT '{}'
);
INSERT INTO entity (id, owner, kind, description, overrides)
    SELECT id, owner, kind, description, overrides FROM old_entity ORDER BY id;
ALTER TABLE last_state RENAME TO old_last_state;
CREATE TABLE last_state (
    entity INTEGER PRIMARY KEY,
    value TEXT NOT NULL,
    changed_ns INTEGER NOT NULL,
    updated_ns INTEGER NOT NULL,
    boot INTEGER NOT NULL,
    seq INTEGER NOT NULL
);
INSERT INTO last_state
    SELECT number, value, changed_ns, updated_ns, boot, seq FROM old_last_state JOIN entity ON entity.id = old_last_state.entity;
DROP TABLE old_last_state;
DROP TABLE old_entity;
