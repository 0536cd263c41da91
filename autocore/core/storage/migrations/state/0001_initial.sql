CREATE TABLE boot (
    number INTEGER PRIMARY KEY,
    machine_boot TEXT NOT NULL,
    started_ns INTEGER NOT NULL,
    offset_ns INTEGER,
    quality TEXT NOT NULL
);
CREATE TABLE setting (
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (owner, name)
);
CREATE TABLE entity (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    kind TEXT NOT NULL,
    description TEXT NOT NULL
);
CREATE TABLE last_state (
    entity TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    changed_ns INTEGER NOT NULL,
    updated_ns INTEGER NOT NULL,
    boot INTEGER NOT NULL,
    seq INTEGER NOT NULL
);
CREATE TABLE device (
    id TEXT PRIMARY KEY,
    facts TEXT NOT NULL
);
CREATE TABLE user (
    name TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    password TEXT NOT NULL,
    boot INTEGER NOT NULL,
    created_ns INTEGER NOT NULL
);
CREATE TABLE session (
    id TEXT PRIMARY KEY,
    user TEXT NOT NULL,
    boot INTEGER NOT NULL,
    started_ns INTEGER NOT NULL,
    lasts_s INTEGER NOT NULL,
    expires_wall_ns INTEGER,
    address TEXT NOT NULL
);
CREATE INDEX session_user ON session (user);
CREATE TABLE api_token (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    user TEXT NOT NULL,
    digest TEXT NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    boot INTEGER NOT NULL,
    created_ns INTEGER NOT NULL,
    lasts_s INTEGER,
    expires_wall_ns INTEGER
);
CREATE INDEX api_token_user ON api_token (user);
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    boot INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    who TEXT NOT NULL,
    via TEXT NOT NULL,
    address TEXT NOT NULL,
    service TEXT NOT NULL,
    data TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL,
    latency_s REAL NOT NULL
);
