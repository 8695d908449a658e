-- Ended and refused requests by quarter of an hour, filled with what there is. Interrupted, it is not there.
-- Rows that agree in the sorting key may be many until they are merged; always sum.
CREATE OR REPLACE TABLE requests_15m ON CLUSTER 'main'
(
    bucket         DateTime('UTC') CODEC(Delta, ZSTD), -- start of the quarter
    tenant         LowCardinality(String),
    user           LowCardinality(String),
    key            LowCardinality(String),
    model          LowCardinality(String),
    node           LowCardinality(String),
    endpoint       LowCardinality(String),
    outcome        LowCardinality(String),
    status         UInt16,
    error          LowCardinality(String),
    reason         LowCardinality(String),
    provider       LowCardinality(String),
    credential     LowCardinality(String),
    upstream_model LowCardinality(String),
    finish         LowCardinality(String),
    lines          UInt64 CODEC(T64, ZSTD), -- rows of requests added up here
    count          UInt64 CODEC(T64, ZSTD)  -- requests
)
ENGINE = ReplicatedSummingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (tenant, bucket, model, key, user, provider, credential, upstream_model, endpoint, outcome, status, error, reason, finish, node)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
AS SELECT
    toStartOfFifteenMinutes(toDateTime(window_at, 'UTC')) AS bucket,
    tenant, user, key, model, node, endpoint, outcome, status, error, reason, provider, credential, upstream_model, finish,
    count() AS lines,
    sum(requests.count) AS count
FROM requests
GROUP BY bucket, tenant, user, key, model, node, endpoint, outcome, status, error, reason, provider, credential, upstream_model, finish
