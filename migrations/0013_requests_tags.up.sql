-- The tags of the key at the admission, sorted, with commas between them. Rows of before have none.
ALTER TABLE requests ADD COLUMN IF NOT EXISTS tags LowCardinality(String) AFTER model
