-- The digest of the journal that documents carry as evidence. A row is a line of its columns with a tab between them, times in
-- microseconds, and null as a hyphen. Each line has a SHA-256, in hexadecimal; of these, in ascending order and one after the other,
-- it is the SHA-256.
CREATE OR REPLACE VIEW journal_digest AS
SELECT count(*) AS rows, sha256(coalesce(string_agg(line, '' ORDER BY line), '')) AS sha256
FROM (
    SELECT sha256(array_to_string([
        epoch_us(started_at)::VARCHAR, address, coalesce(port::VARCHAR, '-'), question, coalesce(sent::VARCHAR, '-'),
        coalesce(received::VARCHAR, '-'), round(seconds * 1000000)::BIGINT::VARCHAR, ending, coalesce(cause, '-'),
        array_to_string(list_sort([e.key || '=' || e.value for e in map_entries(numbers)]), ','), error
    ], chr(9))) AS line
    FROM journal
);
