-- All endpoints that were asked, by how open they are. Null: we could not find out.
CREATE OR REPLACE VIEW by_rung AS
SELECT rung, sum(n)::BIGINT AS endpoints, count(DISTINCT archive) AS archives
FROM heard GROUP BY 1 ORDER BY endpoints DESC, rung;
