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
