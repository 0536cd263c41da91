-- Rows of the audit are signed one upon the other: what a row is, its place in the chain, and its MAC. Rows of before have none; the
-- next start takes them into the chain as it finds them.
ALTER TABLE audit ADD COLUMN kind TEXT NOT NULL DEFAULT 'act';
ALTER TABLE audit ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE audit ADD COLUMN mac BLOB NOT NULL DEFAULT x'';
