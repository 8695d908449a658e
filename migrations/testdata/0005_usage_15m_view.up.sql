-- Feeds usage_15m from every insert into usage.
CREATE MATERIALIZED VIEW IF NOT EXISTS usage_15m_view ON CLUSTER 'main' TO usage_15m AS
SELECT
    toStartOfFifteenMinutes(toDateTime(window_at, 'UTC')) AS bucket,
    tenant, user, key, model, provider, credential, upstream_model,
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
    sum(ifNull(usage.cost_nano_usd, 0)) AS cost_nano_usd,
    sum(usage.unpriced) AS unpriced
FROM usage
GROUP BY bucket, tenant, user, key, model, provider, credential, upstream_model
