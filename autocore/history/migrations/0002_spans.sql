-- Readings as they come: one row for each flush, all series together, packed (autocore/history/columns.py).
CREATE TABLE batch (
    first_seq INTEGER PRIMARY KEY,
    last_seq INTEGER NOT NULL,
    span INTEGER NOT NULL,
    boot INTEGER NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    data BLOB NOT NULL
);
-- A finished stretch of one boot, at most about an hour. `level` says what is still there: 0 every reading, 1 minutes, 2 the hour.
CREATE TABLE span (
    number INTEGER PRIMARY KEY,
    boot INTEGER NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    level INTEGER NOT NULL
);
CREATE INDEX span_boot ON span (boot, first_ms);
-- One series of one span. The key is span * 16777216 + series, so that a span lies together and a series of it is found at once.
CREATE TABLE block (
    key INTEGER PRIMARY KEY,
    data BLOB NOT NULL
);
CREATE TABLE minutes (
    key INTEGER PRIMARY KEY,
    data BLOB NOT NULL
);
CREATE TABLE hour (
    key INTEGER PRIMARY KEY,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    count INTEGER NOT NULL,
    low REAL,
    high REAL,
    mean REAL,
    last
);
-- The names once more, on pages of their own: one damaged page must not make a whole history nameless.
CREATE TABLE series_copy (
    number INTEGER PRIMARY KEY,
    entity TEXT NOT NULL
);
INSERT INTO series_copy SELECT number, entity FROM series;
