-- The roll-up once more without users, keys and credentials, of which there are many: charts by model and vendor read this small part.
-- It is kept by the engine in the same step as the part it is of. A question that sums a column that is not here reads the roll-up itself.
ALTER TABLE usage_15m ADD PROJECTION IF NOT EXISTS by_model
(
    SELECT
        bucket, tenant, model, provider, upstream_model,
        sum(requests),
        sum(attempts),
        sum(failures),
        sum(input),
        sum(cache_read),
        sum(cache_write),
        sum(cache_write_1h),
        sum(output),
        sum(reasoning),
        sum(audio_input),
        sum(audio_cache_read),
        sum(image_input),
        sum(audio_output),
        sum(image_output),
        sum(images),
        sum(web_searches),
        sum(file_searches),
        sum(tool_calls),
        sum(search_units),
        sum(audio_ms),
        sum(characters),
        sum(cost_nano_usd),
        sum(unpriced)
    GROUP BY bucket, tenant, model, provider, upstream_model
)
