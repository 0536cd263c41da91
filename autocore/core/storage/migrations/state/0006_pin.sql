-- A PIN of each person for what is protected, hashed, and about when an API token was used last.
ALTER TABLE user ADD COLUMN pin TEXT NOT NULL DEFAULT '';
ALTER TABLE api_token ADD COLUMN used_boot INTEGER;
ALTER TABLE api_token ADD COLUMN used_ns INTEGER;
