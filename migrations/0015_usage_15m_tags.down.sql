-- The column stays: what is a part of the sorting key cannot be dropped. Nothing fills it any more.
SELECT 1
