-- What people say of an entity in the web.
ALTER TABLE entity ADD COLUMN overrides TEXT NOT NULL DEFAULT '{}';
-- What the vehicle tells people. `wall_ns` dates one that was told while the gateway was down; `is_routed` says that its
-- channels were found.
CREATE TABLE notice (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    boot INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    wall_ns INTEGER,
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    severity TEXT NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    count INTEGER NOT NULL,
    is_routed INTEGER NOT NULL
);
-- A notice that a channel has not taken yet.
CREATE TABLE outbox (
    channel TEXT NOT NULL,
    notice INTEGER NOT NULL,
    PRIMARY KEY (channel, notice)
);
-- What happened: the event log.
CREATE TABLE event (
    seq INTEGER PRIMARY KEY,
    boot INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    via TEXT NOT NULL,
    who TEXT NOT NULL
);
CREATE INDEX event_type ON event (type, seq);
