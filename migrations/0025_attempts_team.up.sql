-- The team of the key at the admission; empty: none. Rows of before have none until the tables are rebuilt.
ALTER TABLE attempts ADD COLUMN IF NOT EXISTS team LowCardinality(String) AFTER tenant
