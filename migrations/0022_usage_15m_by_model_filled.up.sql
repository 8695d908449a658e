-- Fills it for the rows that are there, in the background.
ALTER TABLE usage_15m MATERIALIZE PROJECTION by_model
