-- All endpoints that were asked, by the reason why they stand on their rung and not on the next.
CREATE OR REPLACE VIEW by_reason AS
SELECT rung, why AS reason, protocol, sum(n)::BIGINT AS endpoints, count(DISTINCT archive) AS archives
FROM heard GROUP BY ALL ORDER BY endpoints DESC, rung, reason, protocol;
