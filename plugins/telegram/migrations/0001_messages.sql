-- What waits for Telegram. `chat` 0: nobody is paired yet. `rank` orders severities, 0 (info) to 3 (critical).
CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    chat INTEGER NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    severity TEXT NOT NULL,
    rank INTEGER NOT NULL,
    source TEXT NOT NULL,
    at TEXT,
    at_ns INTEGER,
    run TEXT NOT NULL,
    count INTEGER NOT NULL
);

CREATE INDEX message_chat ON message (chat, id);

-- How many messages of a chat were dropped since it was last told.
CREATE TABLE loss (
    chat INTEGER PRIMARY KEY,
    number INTEGER NOT NULL
);

-- The notices that were taken last, so that one that is handed over twice is sent once.
CREATE TABLE taken (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest TEXT NOT NULL UNIQUE
);
