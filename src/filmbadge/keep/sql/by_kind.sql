-- Kinds of personal data in open archives, and the studies that carry each. `…_unknown`: open archives of which the number
-- is not known. Where there are any, the number is a lower bound.
CREATE OR REPLACE VIEW by_kind AS
SELECT
    split_part(quantity, ':', 2) AS kind, count_if(amount > 0 OR sure > 0)::BIGINT AS archives,
    known(amount, sure) AS studies, count_if(amount IS NULL)::BIGINT AS studies_unknown
FROM amounts WHERE starts_with(quantity, 'kind:') GROUP BY 1 ORDER BY studies DESC, kind;
