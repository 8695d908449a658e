ALTER TABLE requests_15m_view MODIFY QUERY
SELECT
    toStartOfFifteenMinutes(toDateTime(window_at, 'UTC')) AS bucket,
    tenant, user, key, model, tags, node, endpoint, outcome, status, error, reason, provider, credential, upstream_model, finish,
    count() AS lines,
    sum(requests.count) AS count
FROM requests
GROUP BY bucket, tenant, user, key, model, tags, node, endpoint, outcome, status, error, reason, provider, credential, upstream_model, finish
