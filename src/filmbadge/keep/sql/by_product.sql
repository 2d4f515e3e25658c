-- Archives by product. Empty: unknown.
CREATE OR REPLACE VIEW by_product AS
SELECT * RENAME (place AS product) FROM tally(product) ORDER BY archives_open DESC, archives DESC, place;
