-- How much an event matters, and so how long it is kept.
ALTER TABLE event ADD COLUMN class TEXT NOT NULL DEFAULT 'info';
UPDATE event SET class = 'warning' WHERE type IN ('device.offline', 'mqtt.retained_command');
UPDATE event SET class = 'error' WHERE type IN ('device.error', 'device.reported', 'plugin.failed');
CREATE INDEX event_class ON event (class, seq);
