-- One row for each step off the straight path: a failed attempt, a vendor's 429, a fallback.
CREATE TABLE IF NOT EXISTS attempts
(
    seq               UInt64 CODEC(Delta, ZSTD),
    idx               UInt16,
    kind              LowCardinality(String), -- attempt.failed, upstream.rate_limited, route.fallback
    request           String CODEC(ZSTD),
    at                DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    window_at         DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    tenant            LowCardinality(String),
    user              LowCardinality(String),
    key               LowCardinality(String),
    model             LowCardinality(String),
    attempt           UInt16,
    provider          LowCardinality(String),
    credential        LowCardinality(String),
    upstream_model    LowCardinality(String),
    reason            LowCardinality(String),          -- class of the failure
    status            UInt16,                          -- the vendor's HTTP status, 0 if none
    retryable         Bool,
    total_ns          Int64 CODEC(T64, ZSTD),
    retry_after_ms    Int64 CODEC(T64, ZSTD),          -- what the vendor asked for, 0 if it did not
    until             Nullable(DateTime64(9, 'UTC')),  -- end of the cooldown
    to_provider       LowCardinality(String),          -- where a fallback went
    to_credential     LowCardinality(String),
    to_upstream_model LowCardinality(String),
    INDEX seq_range seq TYPE minmax GRANULARITY 1,
    INDEX request_bloom request TYPE bloom_filter GRANULARITY 4
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(window_at)
ORDER BY (tenant, window_at, seq, idx)
SETTINGS non_replicated_deduplication_window = 10000
