ALTER TABLE usage
    DROP COLUMN IF EXISTS audio_input,
    DROP COLUMN IF EXISTS audio_cache_read,
    DROP COLUMN IF EXISTS image_input,
    DROP COLUMN IF EXISTS audio_output,
    DROP COLUMN IF EXISTS image_output,
    DROP COLUMN IF EXISTS images,
    DROP COLUMN IF EXISTS web_searches,
    DROP COLUMN IF EXISTS file_searches,
    DROP COLUMN IF EXISTS tool_calls,
    DROP COLUMN IF EXISTS search_units,
    DROP COLUMN IF EXISTS audio_ms,
    DROP COLUMN IF EXISTS characters
