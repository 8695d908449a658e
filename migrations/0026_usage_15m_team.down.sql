-- The column stays: what is a part of the sorting key cannot be dropped. Nothing fills it any more.
ALTER TABLE usage_15m ADD COLUMN IF NOT EXISTS team LowCardinality(String)
