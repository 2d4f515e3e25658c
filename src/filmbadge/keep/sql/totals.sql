-- What a whole survey holds, quantity by quantity. Where `unknown` archives are more than none, the number is a lower bound.
-- Archives that overlap count each: `filmbadge report` counts what they share once.
CREATE OR REPLACE VIEW totals AS
SELECT quantity, coalesce(total, 0) AS total, coalesce(unknown, 0) AS unknown
FROM (
    SELECT unnest([
        'archives', 'archives_open', 'decoys', 'patients', 'studies', 'series', 'images', 'images_retrievable',
        'ssn_records', 'http_viewers'
    ]) AS quantity
    UNION ALL
    SELECT 'kind:' || kind FROM all_kinds
)
LEFT JOIN (
    SELECT quantity, n AS total, 0 AS unknown FROM member_sums WHERE whole
    UNION ALL
    SELECT quantity, known(amount, sure), count_if(amount IS NULL)::BIGINT FROM amounts GROUP BY quantity
) USING (quantity)
ORDER BY quantity;
