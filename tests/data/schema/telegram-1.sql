BEGIN TRANSACTION;
CREATE TABLE loss (
    chat INTEGER PRIMARY KEY,
    number INTEGER NOT NULL
);
INSERT INTO "loss" VALUES(-100123,4);
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
INSERT INTO "message" VALUES(1,0,'AutoCore','Óleo ''baixo''
1 bar','critical',3,'limits',NULL,NULL,'r1',1);
INSERT INTO "message" VALUES(7,-100123,'AutoCore','Óleo ''baixo''
1 bar','critical',3,'limits','2026-05-01T12:00:00Z',1099511627776,'r2',3);
CREATE TABLE schema_version (component TEXT PRIMARY KEY, version INTEGER NOT NULL);
INSERT INTO "schema_version" VALUES('telegram',1);
CREATE TABLE taken (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest TEXT NOT NULL UNIQUE
);
INSERT INTO "taken" VALUES(1,'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd');
CREATE INDEX message_chat ON message (chat, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('message',7);
INSERT INTO "sqlite_sequence" VALUES('taken',1);
COMMIT;
