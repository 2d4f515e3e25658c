-- Opens a survey in DuckDB. The folder of the survey:
SET VARIABLE survey = 'out/demo';

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

SET VARIABLE journal = (
    SELECT coalesce('FROM read_parquet([' || string_agg(quoted(file), ', ' ORDER BY file) || '], union_by_name = true)', 'SELECT 1 AS nothing WHERE false')
    FROM (SELECT file FROM glob(getvariable('survey') || '/journal/part-*.parquet') WHERE true)
);
CREATE OR REPLACE VIEW journal AS SELECT * EXCLUDE (nothing) FROM (
    SELECT
    NULL AS nothing,
    NULL::TIMESTAMP AS started_at,
    NULL::VARCHAR AS address,
    NULL::INTEGER AS port,
    NULL::VARCHAR AS question,
    NULL::BIGINT AS sent,
    NULL::BIGINT AS received,
    NULL::DOUBLE AS seconds,
    NULL::VARCHAR AS ending,
    NULL::VARCHAR AS cause,
    NULL::MAP(VARCHAR, BIGINT) AS numbers,
    NULL::VARCHAR AS error
    WHERE false
    UNION ALL BY NAME FROM query(getvariable('journal'))
);

SET VARIABLE links = (
    SELECT coalesce('FROM read_parquet([' || string_agg(quoted(file), ', ' ORDER BY file) || '], union_by_name = true)', 'SELECT 1 AS nothing WHERE false')
    FROM (SELECT file FROM glob(getvariable('survey') || '/links/part-*.parquet') WHERE true)
);
CREATE OR REPLACE VIEW links AS SELECT * EXCLUDE (nothing) FROM (
    SELECT
    NULL AS nothing,
    NULL::VARCHAR AS one,
    NULL::VARCHAR AS other,
    NULL::VARCHAR AS shown_by,
    NULL::BIGINT AS shared,
    NULL::BIGINT AS sampled,
    NULL::BIGINT AS of_one,
    NULL::BOOLEAN AS whole,
    NULL::VARCHAR AS target
    WHERE false
    UNION ALL BY NAME FROM query(getvariable('links'))
);

SET VARIABLE reviews = (
    SELECT coalesce('FROM read_parquet([' || string_agg(quoted(file), ', ' ORDER BY file) || '], union_by_name = true)', 'SELECT 1 AS nothing WHERE false')
    FROM (SELECT file FROM glob(getvariable('survey') || '/judged/' || getvariable('judgement') || '/reviews/part-*.parquet') WHERE true QUALIFY row_number() OVER (ORDER BY number_of(file) DESC) = 1)
);
CREATE OR REPLACE TABLE reviews_rows AS SELECT * EXCLUDE (nothing) FROM (
    SELECT
    NULL AS nothing,
    NULL::VARCHAR AS archive,
    NULL::TIMESTAMP AS reviewed_at,
    NULL::VARCHAR AS same_as,
    NULL::VARCHAR[] AS shown_by,
    NULL::VARCHAR[] AS decoy
    WHERE false
    UNION ALL BY NAME FROM query(getvariable('reviews'))
);

SET VARIABLE findings = (
    SELECT coalesce('FROM read_parquet([' || string_agg(quoted(file), ', ' ORDER BY file) || '], union_by_name = true)', 'SELECT 1 AS nothing WHERE false')
    FROM (SELECT file FROM glob(getvariable('survey') || '/judged/' || getvariable('judgement') || '/findings/part-*.parquet') WHERE number_of(file) IN (SELECT number_of(file) FROM glob(getvariable('survey') || '/observations/part-*.parquet')))
);
CREATE OR REPLACE TABLE findings_rows AS SELECT * EXCLUDE (nothing) FROM (
    SELECT
    NULL AS nothing,
    NULL::VARCHAR AS id,
    NULL::VARCHAR AS archive,
    NULL::VARCHAR AS code,
    NULL::VARCHAR AS endpoint,
    NULL::VARCHAR AS grade,
    NULL::MAP(VARCHAR, BIGINT) AS numbers,
    NULL::VARCHAR AS about
    WHERE false
    UNION ALL BY NAME FROM query(getvariable('findings'))
);

SET VARIABLE kinds = (
    SELECT coalesce('FROM read_parquet([' || string_agg(quoted(file), ', ' ORDER BY file) || '], union_by_name = true)', 'SELECT 1 AS nothing WHERE false')
    FROM (SELECT file FROM glob(getvariable('survey') || '/judged/' || getvariable('judgement') || '/kinds/part-*.parquet') WHERE number_of(file) IN (SELECT number_of(file) FROM glob(getvariable('survey') || '/observations/part-*.parquet')))
);
CREATE OR REPLACE TABLE kinds_rows AS SELECT * EXCLUDE (nothing) FROM (
    SELECT
    NULL AS nothing,
    NULL::VARCHAR AS archive,
    NULL::VARCHAR AS kind,
    NULL::BIGINT AS records,
    NULL::VARCHAR AS how,
    NULL::DOUBLE AS share,
    NULL::VARCHAR AS looks,
    NULL::BIGINT AS malformed,
    NULL::BIGINT AS asked,
    NULL::BIGINT AS at_least,
    NULL::VARCHAR AS doubts,
    NULL::BIGINT AS low,
    NULL::BIGINT AS high,
    NULL::DOUBLE AS personal,
    NULL::DOUBLE AS pseudonymised,
    NULL::DOUBLE AS synthetic
    WHERE false
    UNION ALL BY NAME FROM query(getvariable('kinds'))
);

SET VARIABLE archives = (
    SELECT coalesce('FROM read_parquet([' || string_agg(quoted(file), ', ' ORDER BY file) || '], union_by_name = true)', 'SELECT 1 AS nothing WHERE false')
    FROM (SELECT file FROM glob(getvariable('survey') || '/judged/' || getvariable('judgement') || '/archives/part-*.parquet') WHERE number_of(file) IN (SELECT number_of(file) FROM glob(getvariable('survey') || '/observations/part-*.parquet')))
);
CREATE OR REPLACE TABLE archives_parts AS SELECT * EXCLUDE (nothing) FROM (
    SELECT
    NULL AS nothing,
    NULL::VARCHAR AS id,
    NULL::VARCHAR AS address,
    NULL::VARCHAR[] AS endpoints,
    NULL::VARCHAR AS rung,
    NULL::BOOLEAN AS open,
    NULL::VARCHAR AS product,
    NULL::VARCHAR AS product_version,
    NULL::BOOLEAN AS product_firm,
    NULL::VARCHAR AS toolkit,
    NULL::VARCHAR[] AS advisories,
    NULL::VARCHAR AS grade,
    NULL::VARCHAR[] AS grade_why,
    NULL::VARCHAR[] AS decoy,
    NULL::VARCHAR AS configuration,
    NULL::VARCHAR[] AS spki_sha256,
    NULL::VARCHAR[] AS names,
    NULL::VARCHAR[] AS joined_by,
    NULL::VARCHAR[] AS perhaps_same,
    NULL::BIGINT AS perhaps_more,
    NULL::BIGINT AS patients,
    NULL::VARCHAR AS patients_how,
    NULL::BIGINT AS patients_at_least,
    NULL::DOUBLE AS patients_coverage,
    NULL::VARCHAR AS patients_doubts,
    NULL::BIGINT AS patients_low,
    NULL::BIGINT AS patients_high,
    NULL::BIGINT AS studies,
    NULL::VARCHAR AS studies_how,
    NULL::BIGINT AS studies_at_least,
    NULL::DOUBLE AS studies_coverage,
    NULL::VARCHAR AS studies_doubts,
    NULL::BIGINT AS studies_low,
    NULL::BIGINT AS studies_high,
    NULL::BIGINT AS series,
    NULL::VARCHAR AS series_how,
    NULL::BIGINT AS series_at_least,
    NULL::DOUBLE AS series_coverage,
    NULL::VARCHAR AS series_doubts,
    NULL::BIGINT AS series_low,
    NULL::BIGINT AS series_high,
    NULL::BIGINT AS images,
    NULL::VARCHAR AS images_how,
    NULL::BIGINT AS images_at_least,
    NULL::DOUBLE AS images_coverage,
    NULL::VARCHAR AS images_doubts,
    NULL::BIGINT AS images_low,
    NULL::BIGINT AS images_high,
    NULL::BIGINT AS images_retrievable,
    NULL::VARCHAR AS images_retrievable_how,
    NULL::BIGINT AS images_retrievable_at_least,
    NULL::DOUBLE AS images_retrievable_coverage,
    NULL::VARCHAR AS images_retrievable_doubts,
    NULL::BIGINT AS images_retrievable_low,
    NULL::BIGINT AS images_retrievable_high,
    NULL::BIGINT AS ssn_records,
    NULL::VARCHAR AS ssn_records_how,
    NULL::BIGINT AS ssn_records_at_least,
    NULL::DOUBLE AS ssn_records_coverage,
    NULL::VARCHAR AS ssn_records_doubts,
    NULL::BIGINT AS ssn_records_low,
    NULL::BIGINT AS ssn_records_high,
    NULL::MAP(VARCHAR, BIGINT) AS studies_by_year,
    NULL::BOOLEAN AS studies_by_year_whole,
    NULL::STRUCT("scheme" VARCHAR, "kind" VARCHAR, "records" BIGINT, "how" VARCHAR, "share" DOUBLE, "confidence" DOUBLE, "low" BIGINT, "high" BIGINT)[] AS identifiers,
    NULL::VARCHAR AS country,
    NULL::VARCHAR[] AS country_said,
    NULL::BIGINT AS asn,
    NULL::VARCHAR AS as_name,
    NULL::VARCHAR AS operator,
    NULL::VARCHAR AS contact,
    NULL::VARCHAR AS language,
    NULL::VARCHAR AS site,
    NULL::VARCHAR AS network,
    NULL::VARCHAR AS place,
    NULL::STRUCT("what" VARCHAR, "source" VARCHAR, "endpoint" VARCHAR)[] AS hints
    WHERE false
    UNION ALL BY NAME FROM query(getvariable('archives'))
);

SET VARIABLE endpoints = (
    SELECT coalesce('FROM read_parquet([' || string_agg(quoted(file), ', ' ORDER BY file) || '], union_by_name = true)', 'SELECT 1 AS nothing WHERE false')
    FROM (SELECT file FROM glob(getvariable('survey') || '/judged/' || getvariable('judgement') || '/endpoints/part-*.parquet') WHERE number_of(file) IN (SELECT number_of(file) FROM glob(getvariable('survey') || '/observations/part-*.parquet')))
);
CREATE OR REPLACE TABLE endpoints_rows AS SELECT * EXCLUDE (nothing) FROM (
    SELECT
    NULL AS nothing,
    NULL::VARCHAR AS address,
    NULL::INTEGER AS port,
    NULL::VARCHAR AS protocol,
    NULL::VARCHAR AS target,
    NULL::TIMESTAMP AS asked_at,
    NULL::VARCHAR AS depth,
    NULL::VARCHAR AS rung,
    NULL::BOOLEAN AS open,
    NULL::BOOLEAN AS conclusive,
    NULL::VARCHAR AS why,
    NULL::INTEGER[] AS codes,
    NULL::VARCHAR AS said,
    NULL::VARCHAR AS stop,
    NULL::VARCHAR AS ending,
    NULL::VARCHAR AS tls,
    NULL::VARCHAR AS tls_client_certificate,
    NULL::TIMESTAMP AS tls_expires,
    NULL::VARCHAR[] AS transport,
    NULL::VARCHAR AS viewer,
    NULL::VARCHAR AS product,
    NULL::VARCHAR AS toolkit,
    NULL::VARCHAR AS archive,
    NULL::VARCHAR AS country,
    NULL::VARCHAR[] AS country_said,
    NULL::BIGINT AS asn,
    NULL::VARCHAR AS as_name,
    NULL::VARCHAR AS operator,
    NULL::VARCHAR AS contact,
    NULL::VARCHAR AS language,
    NULL::VARCHAR AS site,
    NULL::VARCHAR AS network,
    NULL::VARCHAR AS place
    WHERE false
    UNION ALL BY NAME FROM query(getvariable('endpoints'))
);

SET VARIABLE observations = (
    SELECT coalesce('FROM read_parquet([' || string_agg(quoted(file), ', ' ORDER BY file) || '], union_by_name = true)', 'SELECT 1 AS nothing WHERE false')
    FROM (SELECT file FROM glob(getvariable('survey') || '/observations/part-*.parquet') WHERE true)
);
CREATE OR REPLACE VIEW observations AS SELECT * EXCLUDE (nothing) FROM (
    SELECT
    NULL AS nothing,
    NULL::VARCHAR AS address,
    NULL::INTEGER AS port,
    NULL::VARCHAR AS protocol,
    NULL::VARCHAR AS target,
    NULL::VARCHAR AS host,
    NULL::VARCHAR AS name,
    NULL::TIMESTAMP AS asked_at,
    NULL::VARCHAR AS depth,
    NULL::SMALLINT AS facts_version,
    NULL::VARCHAR AS observation,
    NULL::VARCHAR AS fault
    WHERE false
    UNION ALL BY NAME FROM query(getvariable('observations'))
);

-- Views over the rows that part files hold: each archive once. They stand on the tables `…_rows` and `archives_parts`.

-- Nearly every question is about archives, so their rows are read once. Few archives were asked twice.
CREATE OR REPLACE TABLE archives_rows AS FROM archives_parts;

CREATE OR REPLACE TABLE archives_older AS
SELECT rowid AS row FROM archives_rows
WHERE id IN (SELECT id FROM archives_rows GROUP BY id HAVING count(*) > 1)
QUALIFY row_number() OVER (PARTITION BY id ORDER BY open DESC, studies DESC NULLS LAST, len(endpoints) DESC) > 1;

-- What a person found out of archives, in place of what was judged of them. `filmbadge report --reviewed FILE` fills it.
-- `decoy` is null where the person says nothing of what it is.
CREATE OR REPLACE TABLE by_hand (archive VARCHAR, what VARCHAR, decoy VARCHAR[], operator VARCHAR, who VARCHAR, day DATE);

CREATE OR REPLACE VIEW archives_known AS
SELECT a.* REPLACE (coalesce(h.decoy, a.decoy) AS decoy, coalesce(h.operator, a.operator) AS operator)
FROM (SELECT * FROM archives_rows WHERE rowid NOT IN (SELECT row FROM archives_older)) AS a
LEFT JOIN by_hand AS h ON h.archive = a.id;

-- The last review holds: each is about all archives.
CREATE OR REPLACE VIEW reviews AS
SELECT r.* REPLACE (if(h.decoy IS NULL, r.decoy, []) AS decoy)
FROM reviews_rows AS r LEFT JOIN by_hand AS h USING (archive);

-- A review finds that several archives are one. It counts once: as the archive that the others are the same as.
CREATE OR REPLACE VIEW archives AS
SELECT a.* REPLACE (
    a.endpoints || coalesce(t.endpoints, []) AS endpoints,
    list_sort(list_distinct(a.decoy || coalesce(r.decoy, []))) AS decoy
)
FROM archives_known AS a
LEFT JOIN reviews AS r ON r.archive = a.id
LEFT JOIN (
    SELECT r.same_as, flatten(list(k.endpoints ORDER BY k.id)) AS endpoints
    FROM reviews AS r JOIN archives_known AS k ON k.id = r.archive
    WHERE r.same_as IS NOT NULL GROUP BY 1
) AS t ON t.same_as = a.id
WHERE r.same_as IS NULL;

-- Views over the rows that part files hold: what a survey says, each host once. They stand on the view `archives`, and on the
-- tables `…_rows`, `observations`, `links` and `journal`.

-- An endpoint may be asked twice: because it could not be found out, or because two targets lead to it. It counts once, as known last.
CREATE OR REPLACE VIEW endpoints_known AS
SELECT * FROM (
    SELECT DISTINCT ON (address, port, protocol) * FROM endpoints_rows
    ORDER BY address, port, protocol, rung IS NULL, asked_at DESC
) AS e
WHERE rung IS NOT NULL OR NOT EXISTS (
    SELECT 1 FROM endpoints_rows AS later
    WHERE later.target = e.target AND later.asked_at > e.asked_at AND later.rung IS NOT NULL
);

CREATE OR REPLACE VIEW endpoints AS
SELECT e.* REPLACE (coalesce(r.same_as, e.archive) AS archive)
FROM endpoints_known AS e LEFT JOIN reviews AS r ON r.archive = e.archive;

CREATE OR REPLACE VIEW findings AS
SELECT f.* REPLACE (coalesce(r.same_as, f.archive) AS archive)
FROM (SELECT DISTINCT ON (id) * FROM findings_rows ORDER BY id) AS f LEFT JOIN reviews AS r ON r.archive = f.archive;

CREATE OR REPLACE VIEW kinds AS
SELECT DISTINCT ON (archive, kind) * FROM kinds_rows ORDER BY archive, kind, records DESC NULLS LAST;

-- All totals are of these. Decoys and demonstrations have a line of their own.
CREATE OR REPLACE VIEW counted AS SELECT * FROM archives WHERE len(decoy) = 0;

-- Endpoints that show the same. Silent ones are most of a sparse network, and are told apart by nothing.
CREATE OR REPLACE VIEW heard AS
SELECT
    if(rung = 'silent', NULL, target) AS target, protocol, rung, why, conclusive, ending, tls, viewer, archive, country,
    count(*) AS n
FROM endpoints GROUP BY ALL;

-- A host that refuses a connection has answered, and so has one that was left alone.
CREATE OR REPLACE VIEW reached AS
SELECT * FROM heard WHERE rung <> 'silent' OR ending = 'refused' OR why = 'left-alone';

-- An endpoint that answered is not an archive only if that was shown.
CREATE OR REPLACE VIEW maybe_archives AS
SELECT * FROM heard WHERE rung IS NULL OR (rung = 'listening' AND conclusive IS NOT TRUE);

-- An endpoint that answered is closed only if that was shown. A depth that asks no question shows it of nobody.
CREATE OR REPLACE VIEW undecided AS
SELECT e.* FROM heard AS e LEFT JOIN archives AS a ON a.id = e.archive
WHERE NOT coalesce(a.open, false) AND len(coalesce(a.decoy, [])) = 0 AND (
    e.rung IS NULL
    OR (e.rung <> 'silent' AND (e.conclusive IS NOT TRUE OR e.why IN ('not-asked-at-depth', 'needs-personal-data')))
);

-- A page that a stranger is shown is a viewer, whatever is behind it. An endpoint that is known to speak DICOM has no page.
CREATE OR REPLACE VIEW maybe_viewers AS
SELECT e.* FROM heard AS e LEFT JOIN archives AS a ON a.id = e.archive
WHERE len(coalesce(a.decoy, [])) = 0 AND e.viewer = '' AND (
    e.rung IS NULL
    OR (
        e.rung <> 'silent' AND (e.protocol <> 'dimse' OR e.rung = 'listening')
        AND (e.conclusive IS NOT TRUE OR e.why = 'not-asked-at-depth')
    )
);

-- Whether a lower bound is all studies that have a date: nothing else is in doubt. Other codes say how answers were cut off.
CREATE OR REPLACE MACRO all_with_a_date(doubts) AS
    regexp_matches(doubts, '^\[\{"code":"undated-(unasked|behind-limit|unparted)"')
    AND NOT contains(
        regexp_replace(
            doubts, '"code":"(undated-unasked|undated-behind-limit|undated-unparted|status|more-not-given|same-page)"', '', 'g'
        ),
        '"code":'
    );

-- What an archive holds at least. An estimate is no bound.
CREATE OR REPLACE MACRO surely(amount, how, at_least) AS
    CASE WHEN how IN ('counted', 'reported') THEN amount ELSE coalesce(at_least, 0) END;

CREATE OR REPLACE VIEW all_kinds AS
SELECT unnest([
    'patient_name', 'patient_id', 'other_names', 'other_ids', 'birth_date', 'sex',
    'address', 'telephone', 'exam_date', 'referring_physician', 'attending_physician', 'performing_physician',
    'reading_physician', 'operator', 'institution', 'purpose', 'patient_comments', 'ethnic_group',
    'religion', 'occupation', 'insurance', 'military'
]) AS kind;

-- A network, where no source names it: an IPv4 /24 or an IPv6 /48.
CREATE OR REPLACE MACRO network_of(address) AS
    CASE
        WHEN contains(address, '.') THEN regexp_replace(address, '[^.]*$', '') || '0/24'
        WHEN starts_with(address, '::') THEN '::/48'
        ELSE array_to_string(
            list_concat(string_split(split_part(address, '::', 1), ':'), ['0', '0'])[1:3], ':'
        ) || '::/48'
    END;

-- The archives of the totals, with what they hold if they are open: what is known, and what is sure.
CREATE OR REPLACE VIEW sized AS
SELECT
    id, open, country, coalesce(network, network_of(address)) AS network, operator, product,
    id IN (SELECT archive FROM heard WHERE viewer <> '' AND tls IS NULL) AS http_viewer,
    if(open, patients, 0) AS patients, if(open, surely(patients, patients_how, patients_at_least), 0) AS patients_sure,
    if(open, studies, 0) AS studies, if(open, surely(studies, studies_how, studies_at_least), 0) AS studies_sure,
    if(open, series, 0) AS series, if(open, surely(series, series_how, series_at_least), 0) AS series_sure,
    if(open, images, 0) AS images, if(open, surely(images, images_how, images_at_least), 0) AS images_sure,
    if(open, images_retrievable, 0) AS images_retrievable,
    if(open, surely(images_retrievable, images_retrievable_how, images_retrievable_at_least), 0) AS images_retrievable_sure,
    if(open, ssn_records, 0) AS ssn_records, if(open, surely(ssn_records, ssn_records_how, ssn_records_at_least), 0) AS ssn_records_sure
FROM counted;

-- A sum of what is known of each; where it is not known of each, a sum of what is sure.
CREATE OR REPLACE MACRO known(amount, sure) AS if(count(*) = count(amount), sum(amount), sum(sure))::BIGINT;

-- Archives and what the open ones hold, by any column of `sized`. `…_unknown`: open archives of which the number is not
-- known. Where there are any, the number is a lower bound.
CREATE OR REPLACE MACRO tally(place_column) AS TABLE
SELECT
    place_column AS place, count(*) AS archives, count_if(open)::BIGINT AS archives_open, count_if(http_viewer)::BIGINT AS http_viewers,
    known(patients, patients_sure) AS patients,
    known(studies, studies_sure) AS studies,
    known(series, series_sure) AS series,
    known(images, images_sure) AS images,
    known(images_retrievable, images_retrievable_sure) AS images_retrievable,
    known(ssn_records, ssn_records_sure) AS ssn_records,
    count_if(patients IS NULL)::BIGINT AS patients_unknown,
    count_if(studies IS NULL)::BIGINT AS studies_unknown,
    count_if(series IS NULL)::BIGINT AS series_unknown,
    count_if(images IS NULL)::BIGINT AS images_unknown,
    count_if(images_retrievable IS NULL)::BIGINT AS images_retrievable_unknown,
    count_if(ssn_records IS NULL)::BIGINT AS ssn_records_unknown
FROM sized GROUP BY ALL;

-- A row for each open archive and each quantity. `amount` is null where it is unknown, and `at_least` is then its bound.
CREATE OR REPLACE VIEW amounts AS
WITH opened AS (SELECT * FROM counted WHERE open), every AS (
    SELECT
        id AS archive, country, 'patients' AS quantity, patients AS amount, patients_how AS how,
        patients_at_least AS at_least, patients_low AS low, patients_high AS high, patients_doubts AS doubts
    FROM opened
    UNION ALL
    SELECT
        id AS archive, country, 'studies' AS quantity, studies AS amount, studies_how AS how,
        studies_at_least AS at_least, studies_low AS low, studies_high AS high, studies_doubts AS doubts
    FROM opened
    UNION ALL
    SELECT
        id AS archive, country, 'series' AS quantity, series AS amount, series_how AS how,
        series_at_least AS at_least, series_low AS low, series_high AS high, series_doubts AS doubts
    FROM opened
    UNION ALL
    SELECT
        id AS archive, country, 'images' AS quantity, images AS amount, images_how AS how,
        images_at_least AS at_least, images_low AS low, images_high AS high, images_doubts AS doubts
    FROM opened
    UNION ALL
    SELECT
        id AS archive, country, 'ssn_records' AS quantity, ssn_records AS amount, ssn_records_how AS how,
        ssn_records_at_least AS at_least, ssn_records_low AS low, ssn_records_high AS high, ssn_records_doubts AS doubts
    FROM opened
    UNION ALL
    SELECT
        id AS archive, country, 'images_retrievable' AS quantity, images_retrievable AS amount, coalesce(images_retrievable_how, 'unknown') AS how,
        images_retrievable_at_least AS at_least, images_retrievable_low AS low, images_retrievable_high AS high, images_retrievable_doubts AS doubts
    FROM opened
    UNION ALL
    SELECT
        id, country, 'kind:' || a.kind, records, coalesce(how, 'unknown'),
        at_least, low, high, doubts
    FROM opened CROSS JOIN all_kinds AS a LEFT JOIN kinds AS k ON k.archive = id AND k.kind = a.kind
)
SELECT *, surely(amount, how, at_least) AS sure FROM every;

-- A row for each open archive and each year of exam. `whole`: each study of the archive was looked at. No year: a study
-- without a date, or with none that an exam can have had. An archive of which no year is known has no row.
CREATE OR REPLACE VIEW exam_years AS
SELECT archive, try_cast(e.key AS INTEGER) AS year, e.value AS studies, whole
FROM (
    SELECT id AS archive, unnest(map_entries(studies_by_year)) AS e, studies_by_year_whole AS whole
    FROM counted WHERE open
);

-- A row for each archive that is counted, and what it is counted as.
CREATE OR REPLACE VIEW members AS
SELECT 'archives' AS quantity, id AS archive, country FROM counted
UNION ALL
SELECT 'archives_open', id, country FROM counted WHERE open
UNION ALL
SELECT 'decoys', id, country FROM archives WHERE len(decoy) > 0
UNION ALL
-- A stranger is shown its pages without a login, over plain HTTP.
SELECT 'http_viewers', id, country FROM counted
WHERE id IN (SELECT archive FROM heard WHERE viewer <> '' AND tls IS NULL);

-- Pairs of open archives that hold some of the same studies, and whether `shared` is all that they share.
CREATE OR REPLACE VIEW shared_studies AS
WITH ways AS (SELECT id, studies, studies_how, unnest(endpoints) AS way FROM counted WHERE open)
SELECT
    a.id AS one, b.id AS other, max(shared) AS shared,
    bool_or(
        coalesce(sampled = a.studies + b.studies - shared, false)
        AND a.studies_how = 'counted' AND b.studies_how = 'counted'
    ) AS exact
FROM links JOIN ways AS a ON a.way = one JOIN ways AS b ON b.way = other
WHERE shared > 0 AND a.id <> b.id GROUP BY ALL;

-- Pairs of archives at two hosts that hold the same few studies. Archives that were found to be copies of one another are not one.
CREATE OR REPLACE VIEW same_few_studies AS
WITH ways AS (SELECT id, unnest(endpoints) AS way FROM archives WHERE NOT list_contains(coalesce(decoy, []), 'identical-copies'))
SELECT DISTINCT a.id AS one, b.id AS other
FROM links JOIN ways AS a ON a.way = one JOIN ways AS b ON b.way = other
WHERE shared > 0 AND shared = sampled AND a.id <> b.id;

-- Pairs of archives that were enumerated whole, and of which each holds studies that the other does not. They are two.
CREATE OR REPLACE VIEW shown_apart AS
WITH ways AS (SELECT id, unnest(endpoints) AS way FROM counted)
SELECT DISTINCT a.id AS one, b.id AS other
FROM links JOIN ways AS a ON a.way = one JOIN ways AS b ON b.way = other
WHERE a.id <> b.id AND (
    shown_by = 'judged-apart'
    OR (shown_by = 'study-uids' AND whole IS NOT false AND of_one > shared AND sampled > of_one)
);

-- Archives at different addresses of one network that show the same: the same known counts, of which none is small; or
-- the same manners at five addresses, or at nearly all of a /24. One machine may stand behind these addresses.
CREATE OR REPLACE VIEW alike AS
WITH shown AS (
    SELECT
        id, address, open, studies, network_of(address) AS network,
        CASE
            WHEN studies_how IN ('counted', 'reported') AND studies >= 10 AND images >= 10
                AND len([n FOR n IN [patients, series, images] IF n IS NOT NULL]) >= 2
                THEN 'counts ' || concat_ws(' ', coalesce(patients, -1), studies, coalesce(series, -1), images)
            WHEN configuration <> '' THEN 'manners ' || configuration
            WHEN NOT open THEN 'closed ' || concat_ws(
                ' ', rung, product, product_version, toolkit,
                list_sort([split_part(e, ':', 1) || regexp_extract(e, '[0-9]+$') FOR e IN endpoints])
            )
        END AS shows
    FROM counted
)
SELECT network, shows, any_value(open) AS open, any_value(studies) AS studies, count(DISTINCT address) AS addresses, list(id ORDER BY id) AS archives
FROM shown WHERE shows IS NOT NULL
GROUP BY network, shows
HAVING addresses >= CASE split_part(shows, ' ', 1) WHEN 'counts' THEN 2 WHEN 'manners' THEN 5 ELSE 200 END;

-- The same as pairs that connect each group, without those that were shown to be two.
CREATE OR REPLACE VIEW alike_pairs AS
SELECT DISTINCT one, other FROM (
    SELECT unnest(archives[1:-2]) AS one, unnest(archives[2:]) AS other FROM alike
    UNION ALL
    SELECT archives[1], unnest(archives[3:]) FROM alike
) AS p
WHERE NOT EXISTS (SELECT 1 FROM shown_apart AS s WHERE (s.one, s.other) IN ((p.one, p.other), (p.other, p.one)));

-- Each row of an archive, and the archive that it counts as.
CREATE OR REPLACE VIEW names AS
SELECT a.id, coalesce(r.same_as, a.id) AS archive FROM archives_known AS a LEFT JOIN reviews AS r ON r.archive = a.id;

-- Pairs of archives at one host: nothing shows whether they are one.
CREATE OR REPLACE VIEW perhaps_one AS
SELECT DISTINCT n.archive AS one, m.archive AS other
FROM (SELECT id, unnest(perhaps_same) AS same FROM archives_known) AS k
JOIN names AS n ON n.id = k.id JOIN names AS m ON m.id = k.same
WHERE n.archive <> m.archive;

-- How many more archives the ways into one may lead to.
CREATE OR REPLACE VIEW perhaps_more AS
SELECT archive, sum(perhaps_more)::BIGINT AS more
FROM archives_known JOIN names USING (id) WHERE perhaps_more > 0 GROUP BY archive;

-- Archives that may yet turn out to be others, in a survey that has not ended: no lower bound has them. Filmbadge fills it.
CREATE OR REPLACE TABLE unsure (archive VARCHAR);

-- What archives are counted as: of all, and by country. `sure` is a lower bound.
CREATE OR REPLACE VIEW member_sums AS
SELECT
    quantity, grouping(country) = 1 AS whole, country, count(*) AS n,
    count(*) FILTER (WHERE archive NOT IN (SELECT archive FROM unsure)) AS sure
FROM members
GROUP BY GROUPING SETS ((quantity), (quantity, country));

-- Quantities of open archives by their origin: the sum, what of it is sure, an interval, and a reason.
CREATE OR REPLACE VIEW amount_sums AS
SELECT
    quantity, grouping(country) = 1 AS whole, country, how, count(*) AS n, sum(amount) AS total, min(doubts) AS doubts,
    sum(sure) FILTER (WHERE archive NOT IN (SELECT archive FROM unsure)) AS sure,
    sum(coalesce(low, amount)) AS low, sum(coalesce(high, amount)) AS high,
    count(*) FILTER (WHERE amount IS NULL AND at_least > 0) AS bounded,
    count(*) FILTER (WHERE amount IS NULL AND at_least > 0 AND all_with_a_date(doubts)) AS dated
FROM amounts
GROUP BY GROUPING SETS ((quantity, how), (quantity, how, country));

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

-- Archives by country. Null: no source attributes them.
CREATE OR REPLACE VIEW by_country AS
SELECT * RENAME (place AS country) FROM tally(country) ORDER BY archives_open DESC, archives DESC, place;

-- Archives by network: that of the source that attributes them, else an IPv4 /24 or an IPv6 /48.
CREATE OR REPLACE VIEW by_network AS
SELECT * RENAME (place AS network) FROM tally(network) ORDER BY archives_open DESC, archives DESC, place;

-- Archives by operator. Null: no source names one.
CREATE OR REPLACE VIEW by_operator AS
SELECT * RENAME (place AS operator) FROM tally(operator) ORDER BY archives_open DESC, archives DESC, place;

-- Archives by product. Empty: unknown.
CREATE OR REPLACE VIEW by_product AS
SELECT * RENAME (place AS product) FROM tally(product) ORDER BY archives_open DESC, archives DESC, place;

-- Kinds of personal data in open archives, and the studies that carry each. `…_unknown`: open archives of which the number
-- is not known. Where there are any, the number is a lower bound.
CREATE OR REPLACE VIEW by_kind AS
SELECT
    split_part(quantity, ':', 2) AS kind, count_if(amount > 0 OR sure > 0)::BIGINT AS archives,
    known(amount, sure) AS studies, count_if(amount IS NULL)::BIGINT AS studies_unknown
FROM amounts WHERE starts_with(quantity, 'kind:') GROUP BY 1 ORDER BY studies DESC, kind;

-- Studies of open archives by the year of their exam. No year: a study without a date, or with none that an exam can have
-- had. `archives_unknown`: open archives of which not each study was looked at. Where there are any, the numbers are lower
-- bounds. Archives that overlap count each.
CREATE OR REPLACE VIEW by_year AS
SELECT
    year, sum(studies)::BIGINT AS studies, count(*) AS archives,
    (SELECT count(*) FROM counted WHERE open AND studies_by_year_whole IS NOT true) AS archives_unknown
FROM exam_years GROUP BY year ORDER BY year NULLS LAST;

-- What connections to archives showed of their transport, against DICOM PS3.15 B.12. An endpoint may show several things.
CREATE OR REPLACE VIEW by_transport AS
SELECT
    transport, count(*) AS endpoints, count_if(open)::BIGINT AS endpoints_open,
    count(DISTINCT archive) AS archives, count(DISTINCT archive) FILTER (WHERE open) AS archives_open
FROM (SELECT unnest(transport) AS transport, open, archive FROM endpoints WHERE archive IN (SELECT id FROM counted))
GROUP BY 1 ORDER BY endpoints DESC, transport;

-- All endpoints that were asked, by how open they are. Null: we could not find out.
CREATE OR REPLACE VIEW by_rung AS
SELECT rung, sum(n)::BIGINT AS endpoints, count(DISTINCT archive) AS archives
FROM heard GROUP BY 1 ORDER BY endpoints DESC, rung;

-- All endpoints that were asked, by the reason why they stand on their rung and not on the next.
CREATE OR REPLACE VIEW by_reason AS
SELECT rung, why AS reason, protocol, sum(n)::BIGINT AS endpoints, count(DISTINCT archive) AS archives
FROM heard GROUP BY ALL ORDER BY endpoints DESC, rung, reason, protocol;

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
