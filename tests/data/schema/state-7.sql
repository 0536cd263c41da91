BEGIN TRANSACTION;
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
, used_boot INTEGER, used_ns INTEGER);
INSERT INTO "api_token" VALUES('t1','Öldruck "vorn" ''links''; -- no comment
second line','ana','abababababababababababababababababababababababababababababababab','["read:*"]',2,8,NULL,NULL,2,9);
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
, kind TEXT NOT NULL DEFAULT 'act', number INTEGER NOT NULL DEFAULT 0, mac BLOB NOT NULL DEFAULT x'');
INSERT INTO "audit" VALUES(1099511627776,2,0,'ana','rest','','switch.turn_on','{"pin": "***"}','done','Öldruck "vorn" ''links''; -- no comment
second line',0.0125,'act',1,X'0000000000000000000000000000000000000000000000000000000000000000');
INSERT INTO "audit" VALUES(1099511627777,2,1,'ana','rest','','switch.turn_on','{"pin": "***"}','refused','Öldruck "vorn" ''links''; -- no comment
second line',0.0125,'act',2,X'0101010101010101010101010101010101010101010101010101010101010101');
INSERT INTO "audit" VALUES(1099511627778,2,2,'ana','rest','','switch.turn_on','{"pin": "***"}','failed','Öldruck "vorn" ''links''; -- no comment
second line',0.0125,'act',3,X'0202020202020202020202020202020202020202020202020202020202020202');
CREATE TABLE boot (
    number INTEGER PRIMARY KEY,
    machine_boot TEXT NOT NULL,
    started_ns INTEGER NOT NULL,
    offset_ns INTEGER,
    quality TEXT NOT NULL
);
INSERT INTO "boot" VALUES(1,'b1',5,NULL,'unset');
INSERT INTO "boot" VALUES(2,'b1',1099511627776,1767225600000000000,'ntp');
CREATE TABLE credential (
    device TEXT PRIMARY KEY,
    salt TEXT NOT NULL,
    digest TEXT NOT NULL,
    iterations INTEGER NOT NULL,
    boot INTEGER NOT NULL,
    issued_ns INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO "credential" VALUES('engine','c2FsdHNhbHQ=','ZGlnZXN0',101,2,1099511627776);
CREATE TABLE device (
    id TEXT PRIMARY KEY,
    facts TEXT NOT NULL
);
INSERT INTO "device" VALUES('engine','{"id": "engine", "standing": "approved", "name": "\u00d6ldruck \"vorn\" ''links''; -- no comment\nsecond line"}');
CREATE TABLE entity (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    kind TEXT NOT NULL,
    description TEXT NOT NULL,
    overrides TEXT NOT NULL DEFAULT '{}'
);
INSERT INTO "entity" VALUES(1,'sensor.engine_oil','telemetry','sensor','{"name": "\u00d6ldruck \"vorn\" ''links''; -- no comment\nsecond line", "device": "engine", "unit": "\u00b0C", "limits": {"warn_above": 110.0, "warn_below": null, "critical_above": 120.5, "critical_below": null, "hysteresis": 1.0}, "attributes": {"channel": 1, "tags": ["a", "b"]}}','{"name": "Oil"}');
INSERT INTO "entity" VALUES(2,'sensor.where','telemetry','sensor','{"name": "\u00d6ldruck \"vorn\" ''links''; -- no comment\nsecond line", "device": "engine", "unit": "\u00b0C", "limits": {"warn_above": 110.0, "warn_below": null, "critical_above": 120.5, "critical_below": null, "hysteresis": 1.0}, "attributes": {"channel": 1, "tags": ["a", "b"]}}','{}');
INSERT INTO "entity" VALUES(3,'switch.light_bar','telemetry','switch','{"name": "\u00d6ldruck \"vorn\" ''links''; -- no comment\nsecond line", "device": "engine", "unit": "\u00b0C", "limits": {"warn_above": 110.0, "warn_below": null, "critical_above": 120.5, "critical_below": null, "hysteresis": 1.0}, "attributes": {"channel": 1, "tags": ["a", "b"]}}','{}');
INSERT INTO "entity" VALUES(4,'binary_sensor.door','telemetry','binary_sensor','{"name": "\u00d6ldruck \"vorn\" ''links''; -- no comment\nsecond line", "device": "engine", "unit": "\u00b0C", "limits": {"warn_above": 110.0, "warn_below": null, "critical_above": 120.5, "critical_below": null, "hysteresis": 1.0}, "attributes": {"channel": 1, "tags": ["a", "b"]}}','{}');
INSERT INTO "entity" VALUES(5,'text.note','telemetry','text','{"name": "\u00d6ldruck \"vorn\" ''links''; -- no comment\nsecond line", "device": "engine", "unit": "\u00b0C", "limits": {"warn_above": 110.0, "warn_below": null, "critical_above": 120.5, "critical_below": null, "hysteresis": 1.0}, "attributes": {"channel": 1, "tags": ["a", "b"]}}','{}');
CREATE TABLE event (
    seq INTEGER PRIMARY KEY,
    boot INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    via TEXT NOT NULL,
    who TEXT NOT NULL
, class TEXT NOT NULL DEFAULT 'info');
INSERT INTO "event" VALUES(1099511627786,2,0,'device.offline','{"device": "winch", "text": "\u00d6ldruck \"vorn\" ''links''; -- no comment\nsecond line"}','internal','','warning');
INSERT INTO "event" VALUES(1099511627787,2,1,'plugin.failed','{"device": "winch", "text": "\u00d6ldruck \"vorn\" ''links''; -- no comment\nsecond line"}','internal','','error');
INSERT INTO "event" VALUES(1099511627788,2,2,'device.found','{"device": "winch", "text": "\u00d6ldruck \"vorn\" ''links''; -- no comment\nsecond line"}','internal','','info');
INSERT INTO "event" VALUES(1099511627789,2,3,'device.error','{"device": "winch", "text": "\u00d6ldruck \"vorn\" ''links''; -- no comment\nsecond line"}','internal','','error');
CREATE TABLE last_state (
    entity INTEGER PRIMARY KEY,
    value TEXT NOT NULL,
    changed_ns INTEGER NOT NULL,
    updated_ns INTEGER NOT NULL,
    boot INTEGER NOT NULL,
    seq INTEGER NOT NULL
);
INSERT INTO "last_state" VALUES(1,'81.25',0,1099511627776,2,1099511627776);
INSERT INTO "last_state" VALUES(2,'{"latitude": -23.5, "longitude": -46.6, "altitude": null}',1,1099511627776,2,1099511627777);
INSERT INTO "last_state" VALUES(3,'true',2,1099511627776,2,1099511627778);
INSERT INTO "last_state" VALUES(4,'false',3,1099511627776,2,1099511627779);
INSERT INTO "last_state" VALUES(5,'"\u00d6ldruck \"vorn\" ''links''; -- no comment\nsecond line"',4,1099511627776,2,1099511627780);
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
INSERT INTO "notice" VALUES(1,2,1,NULL,'limits','oil','critical','AutoCore','Öldruck "vorn" ''links''; -- no comment
second line',1,1);
INSERT INTO "notice" VALUES(2,2,2,1099511627776,'limits','oil','critical','AutoCore','Öldruck "vorn" ''links''; -- no comment
second line',2,0);
CREATE TABLE outbox (
    channel TEXT NOT NULL,
    notice INTEGER NOT NULL,
    PRIMARY KEY (channel, notice)
);
INSERT INTO "outbox" VALUES('telegram',1);
INSERT INTO "outbox" VALUES('telegram',2);
CREATE TABLE schema_version (component TEXT PRIMARY KEY, version INTEGER NOT NULL);
INSERT INTO "schema_version" VALUES('state',7);
CREATE TABLE session (
    id TEXT PRIMARY KEY,
    user TEXT NOT NULL,
    boot INTEGER NOT NULL,
    started_ns INTEGER NOT NULL,
    lasts_s INTEGER NOT NULL,
    expires_wall_ns INTEGER,
    address TEXT NOT NULL
);
INSERT INTO "session" VALUES('s1','ana',2,9,86400,NULL,'192.168.4.2');
CREATE TABLE setting (
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (owner, name)
);
INSERT INTO "setting" VALUES('core','seq_limit','1099511627776');
INSERT INTO "setting" VALUES('themes','chosen','{"name": "\u00d6ldruck \"vorn\" ''links''; -- no comment\nsecond line", "colours": ["#fff"]}');
CREATE TABLE user (
    name TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    password TEXT NOT NULL,
    boot INTEGER NOT NULL,
    created_ns INTEGER NOT NULL
, pin TEXT NOT NULL DEFAULT '');
INSERT INTO "user" VALUES('ana','admin','$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA',1,7,'$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$cGlu');
INSERT INTO "user" VALUES('joão','viewer','$argon2id$x',2,1099511627776,'');
CREATE INDEX session_user ON session (user);
CREATE INDEX api_token_user ON api_token (user);
CREATE INDEX event_type ON event (type, seq);
CREATE INDEX event_class ON event (class, seq);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('notice',2);
COMMIT;
