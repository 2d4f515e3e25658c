-- Archives by country. Null: no source attributes them.
CREATE OR REPLACE VIEW by_country AS
SELECT * RENAME (place AS country) FROM tally(country) ORDER BY archives_open DESC, archives DESC, place;
