-- Feeds requests_15m from every insert into requests.
CREATE MATERIALIZED VIEW IF NOT EXISTS requests_15m_view TO requests_15m AS
SELECT
    toStartOfFifteenMinutes(toDateTime(window_at, 'UTC')) AS bucket,
    tenant, user, key, model, node, endpoint, outcome, status, error, reason, provider, credential, upstream_model, finish,
    count() AS lines,
    sum(requests.count) AS count
FROM requests
GROUP BY bucket, tenant, user, key, model, node, endpoint, outcome, status, error, reason, provider, credential, upstream_model, finish
