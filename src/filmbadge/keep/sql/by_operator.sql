-- Archives by operator. Null: no source names one.
CREATE OR REPLACE VIEW by_operator AS
SELECT * RENAME (place AS operator) FROM tally(operator) ORDER BY archives_open DESC, archives DESC, place;
