-- Feeds them. The view is changed in place: between dropping and making one, rows of another projector would pass it by.
ALTER TABLE requests_15m_view MODIFY QUERY
SELECT
    toStartOfFifteenMinutes(toDateTime(window_at, 'UTC')) AS bucket,
    tenant, team, user, key, model, tags, node, endpoint, outcome, status, error, reason, provider, credential, upstream_model, finish,
    count() AS lines,
    sum(requests.count) AS count
FROM requests
GROUP BY bucket, tenant, team, user, key, model, tags, node, endpoint, outcome, status, error, reason, provider, credential, upstream_model, finish
