-- Opens a survey in DuckDB. The folder of the survey:
SET VARIABLE survey = '{folder}';

-- Its newest judgement that was not broken off. A folder that holds none is judged first: filmbadge judge DIR
SET VARIABLE judgement = (
    SELECT
        CASE
            WHEN count(*) = 0 THEN error('no judged survey is in the folder ' || getvariable('survey'))
            ELSE max(regexp_extract(filename, '([0-9]+)[/\\]judged[.]json$', 1)::INTEGER)::VARCHAR
        END
    FROM read_text(getvariable('survey') || '/judged/*/judged.json')
    WHERE NOT regexp_matches(content, '"state": *"judging"')
);

CREATE OR REPLACE MACRO number_of(file) AS regexp_extract(file, 'part-([0-9]+)[^/\\]*$', 1)::BIGINT;
CREATE OR REPLACE MACRO quoted(file) AS chr(39) || replace(file, chr(39), chr(39) || chr(39)) || chr(39);
