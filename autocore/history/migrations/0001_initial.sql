CREATE TABLE series (
    number INTEGER PRIMARY KEY,
    entity TEXT NOT NULL UNIQUE
);
-- Appended in the order of seq, so that a flush touches few pages; there is no index by series on purpose.
CREATE TABLE sample (
    seq INTEGER PRIMARY KEY,
    series INTEGER NOT NULL,
    boot INTEGER NOT NULL,
    mono_ns INTEGER NOT NULL,
    value
);
