-- Studies of open archives by the year of their exam. No year: a study without a date, or with none that an exam can have
-- had. `archives_unknown`: open archives of which not each study was looked at. Where there are any, the numbers are lower
-- bounds. Archives that overlap count each.
CREATE OR REPLACE VIEW by_year AS
SELECT
    year, sum(studies)::BIGINT AS studies, count(*) AS archives,
    (SELECT count(*) FROM counted WHERE open AND studies_by_year_whole IS NOT true) AS archives_unknown
FROM exam_years GROUP BY year ORDER BY year NULLS LAST;
