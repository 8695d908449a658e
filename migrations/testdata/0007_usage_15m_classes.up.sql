-- The same classes in the roll-up; its engine sums every column that is no key.
ALTER TABLE usage_15m ON CLUSTER 'main'
    ADD COLUMN IF NOT EXISTS audio_input      Int64 CODEC(T64, ZSTD),
    ADD COLUMN IF NOT EXISTS audio_cache_read Int64 CODEC(T64, ZSTD),
    ADD COLUMN IF NOT EXISTS image_input      Int64 CODEC(T64, ZSTD),
    ADD COLUMN IF NOT EXISTS audio_output     Int64 CODEC(T64, ZSTD),
    ADD COLUMN IF NOT EXISTS image_output     Int64 CODEC(T64, ZSTD),
    ADD COLUMN IF NOT EXISTS images           Int64 CODEC(T64, ZSTD),
    ADD COLUMN IF NOT EXISTS web_searches     Int64 CODEC(T64, ZSTD),
    ADD COLUMN IF NOT EXISTS file_searches    Int64 CODEC(T64, ZSTD),
    ADD COLUMN IF NOT EXISTS tool_calls       Int64 CODEC(T64, ZSTD),
    ADD COLUMN IF NOT EXISTS search_units     Int64 CODEC(T64, ZSTD),
    ADD COLUMN IF NOT EXISTS audio_ms         Int64 CODEC(T64, ZSTD),
    ADD COLUMN IF NOT EXISTS characters       Int64 CODEC(T64, ZSTD)
