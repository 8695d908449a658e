-- Feeds them. The view is changed in place: between dropping and making one, rows of another projector would pass it by.
ALTER TABLE usage_15m_view MODIFY QUERY
SELECT
    toStartOfFifteenMinutes(toDateTime(window_at, 'UTC')) AS bucket,
    tenant, team, user, key, model, tags, provider, credential, upstream_model,
    count() AS lines,
    sum(usage.requests) AS requests,
    sum(usage.attempts) AS attempts,
    sum(usage.failures) AS failures,
    sum(usage.input) AS input,
    sum(usage.cache_read) AS cache_read,
    sum(usage.cache_write) AS cache_write,
    sum(usage.cache_write_1h) AS cache_write_1h,
    sum(usage.output) AS output,
    sum(usage.reasoning) AS reasoning,
    sum(usage.audio_input) AS audio_input,
    sum(usage.audio_cache_read) AS audio_cache_read,
    sum(usage.image_input) AS image_input,
    sum(usage.audio_output) AS audio_output,
    sum(usage.image_output) AS image_output,
    sum(usage.images) AS images,
    sum(usage.web_searches) AS web_searches,
    sum(usage.file_searches) AS file_searches,
    sum(usage.tool_calls) AS tool_calls,
    sum(usage.search_units) AS search_units,
    sum(usage.audio_ms) AS audio_ms,
    sum(usage.characters) AS characters,
    sum(ifNull(usage.cost_nano_usd, 0)) AS cost_nano_usd,
    sum(usage.unpriced) AS unpriced
FROM usage
GROUP BY bucket, tenant, team, user, key, model, tags, provider, credential, upstream_model
