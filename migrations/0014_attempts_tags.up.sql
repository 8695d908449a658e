-- The tags of the key at the admission, sorted, with commas between them. Rows of before have none.
ALTER TABLE attempts ADD COLUMN IF NOT EXISTS tags LowCardinality(String) AFTER model
