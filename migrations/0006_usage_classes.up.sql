-- The classes of usage that are no text: tokens of sound and images, and what is counted in pieces,
-- milliseconds and characters. Rows of before have none.
ALTER TABLE usage
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
