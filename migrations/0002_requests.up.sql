-- One row for each end of a request, and for each refusal.
CREATE TABLE IF NOT EXISTS requests
(
    seq            UInt64 CODEC(Delta, ZSTD),
    idx            UInt16,
    request        String CODEC(ZSTD),
    at             DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    window_at      DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    tenant         LowCardinality(String),
    user           LowCardinality(String),
    key            LowCardinality(String),
    model          LowCardinality(String),
    node           LowCardinality(String), -- that served it; of an orphan the one that died
    endpoint       LowCardinality(String),
    stream         Bool,
    outcome        LowCardinality(String), -- completed, failed, cancelled, orphaned, rejected
    status         UInt16,                 -- HTTP status given to the client, 0 if none was sent
    error          LowCardinality(String),
    reason         LowCardinality(String), -- of a refusal or an orphan
    provider       LowCardinality(String),
    credential     LowCardinality(String),
    upstream_model LowCardinality(String),
    attempts       UInt16,
    finish         LowCardinality(String),
    first_byte_ns  Int64 CODEC(T64, ZSTD), -- admission to first byte of the vendor's answer, 0 if there was none
    total_ns       Int64 CODEC(T64, ZSTD), -- admission to end
    count          UInt32,                 -- requests the row stands for: 1, more for refusals counted together
    INDEX seq_range seq TYPE minmax GRANULARITY 1,
    INDEX request_bloom request TYPE bloom_filter GRANULARITY 4
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(window_at)
ORDER BY (tenant, window_at, seq, idx)
SETTINGS non_replicated_deduplication_window = 10000
