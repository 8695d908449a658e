-- One row for each line of the ledger: what one event adds to the books, signed.
-- (seq, idx) is the place of that event in the traffic stream and names the row for ever.
CREATE TABLE IF NOT EXISTS usage ON CLUSTER 'main'
(
    seq            UInt64 CODEC(Delta, ZSTD),
    idx            UInt16,
    kind           LowCardinality(String),
    request        String CODEC(ZSTD),
    at             DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    window_at      DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    tenant         LowCardinality(String),
    user           LowCardinality(String),
    key            LowCardinality(String),
    model          LowCardinality(String),
    provider       LowCardinality(String),
    credential     LowCardinality(String),
    upstream_model LowCardinality(String),
    attempt        UInt16,
    requests       Int64 CODEC(T64, ZSTD),
    attempts       Int64 CODEC(T64, ZSTD),
    failures       Int64 CODEC(T64, ZSTD),
    input          Int64 CODEC(T64, ZSTD),
    cache_read     Int64 CODEC(T64, ZSTD),
    cache_write    Int64 CODEC(T64, ZSTD),
    cache_write_1h Int64 CODEC(T64, ZSTD),
    output         Int64 CODEC(T64, ZSTD),
    reasoning      Int64 CODEC(T64, ZSTD),
    cost_nano_usd  Nullable(Int64) CODEC(ZSTD), -- NULL: the price was unknown, see unpriced
    unpriced       Int64 CODEC(T64, ZSTD),      -- usage records without a price
    price_version  LowCardinality(String),
    source         LowCardinality(String),      -- vendor, estimated, or empty where the line holds no usage
    INDEX seq_range seq TYPE minmax GRANULARITY 1,
    INDEX request_bloom request TYPE bloom_filter GRANULARITY 4
)
ENGINE = ReplicatedMergeTree
PARTITION BY toYYYYMM(window_at)
ORDER BY (tenant, window_at, seq, idx)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
