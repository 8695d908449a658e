-- The ledger by quarter of an hour: every time zone in use starts its hours, days and months on one.
-- Rows that agree in the sorting key may be many until they are merged; always sum.
CREATE TABLE IF NOT EXISTS usage_15m
(
    bucket         DateTime('UTC') CODEC(Delta, ZSTD), -- start of the quarter
    tenant         LowCardinality(String),
    user           LowCardinality(String),
    key            LowCardinality(String),
    model          LowCardinality(String),
    provider       LowCardinality(String),
    credential     LowCardinality(String),
    upstream_model LowCardinality(String),
    lines          UInt64 CODEC(T64, ZSTD), -- rows of usage added up here
    requests       Int64 CODEC(T64, ZSTD),
    attempts       Int64 CODEC(T64, ZSTD),
    failures       Int64 CODEC(T64, ZSTD),
    input          Int64 CODEC(T64, ZSTD),
    cache_read     Int64 CODEC(T64, ZSTD),
    cache_write    Int64 CODEC(T64, ZSTD),
    cache_write_1h Int64 CODEC(T64, ZSTD),
    output         Int64 CODEC(T64, ZSTD),
    reasoning      Int64 CODEC(T64, ZSTD),
    cost_nano_usd  Int64 CODEC(T64, ZSTD),  -- of what had a price
    unpriced       Int64 CODEC(T64, ZSTD)   -- usage records without a price
)
ENGINE = SummingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (tenant, bucket, model, key, user, provider, credential, upstream_model)
SETTINGS non_replicated_deduplication_window = 10000
