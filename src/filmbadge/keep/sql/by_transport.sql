-- What connections to archives showed of their transport, against DICOM PS3.15 B.12. An endpoint may show several things.
CREATE OR REPLACE VIEW by_transport AS
SELECT
    transport, count(*) AS endpoints, count_if(open)::BIGINT AS endpoints_open,
    count(DISTINCT archive) AS archives, count(DISTINCT archive) FILTER (WHERE open) AS archives_open
FROM (SELECT unnest(transport) AS transport, open, archive FROM endpoints WHERE archive IN (SELECT id FROM counted))
GROUP BY 1 ORDER BY endpoints DESC, transport;
