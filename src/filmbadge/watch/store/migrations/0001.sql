-- Times are UTC as 2026-11-27T07:19:37Z: they sort as text. What a row is about stands in the codes of `model` and `compare`.

-- The scope itself is the file scopes/NAME.toml. Here is only what the dashboard adds to it.
CREATE TABLE scopes (
    name TEXT PRIMARY KEY,
    schedule TEXT NOT NULL DEFAULT '',   -- '', or 'daily 02:00', 'weekly mon 02:00', 'monthly 1 02:00', in UTC
    next_due TEXT,                       -- when the next survey is due; null: none is
    added_at TEXT NOT NULL,
    added_by TEXT NOT NULL
);

-- One survey, in a folder of its own. Several a day are several rows: the order is that of `id`.
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    scope TEXT NOT NULL,
    folder TEXT NOT NULL UNIQUE,         -- below the directory of the dashboard
    why TEXT NOT NULL CHECK (why IN ('asked', 'scheduled')),
    by TEXT NOT NULL,
    -- running: its process holds the lock. taking-in: it ended, and is being read. ended: it was read.
    state TEXT NOT NULL CHECK (state IN ('running', 'taking-in', 'ended')),
    -- how it ended: done, interrupted, nothing-reached (as survey.json has it), killed, failed (nothing is kept)
    outcome TEXT,
    stopped_by TEXT,                     -- who stopped it; null: nobody
    started TEXT NOT NULL,
    ended TEXT,
    exit_code INTEGER,                   -- null: it runs, or the dashboard was not there when it ended
    said TEXT NOT NULL DEFAULT '',       -- the last line that it wrote, where it failed
    hosts INTEGER, hosts_done INTEGER,
    archives INTEGER, archives_open INTEGER,
    muted INTEGER,                       -- of the open ones: those whose risk was accepted at that time
    baseline INTEGER REFERENCES runs,    -- the complete run that it was compared with; null: none
    summary TEXT,                        -- JSON of watch.surveys.records.Summary
    taken_in TEXT
);
CREATE INDEX runs_by_scope ON runs (scope, id);

-- One archive for as long as it is recognised, whatever its address is: as compare matches it.
CREATE TABLE archives (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    scope TEXT NOT NULL,
    first_run INTEGER NOT NULL REFERENCES runs,
    last_run INTEGER NOT NULL REFERENCES runs,   -- the last one in which it was found
    name TEXT NOT NULL,                  -- its id in the dataset of that run
    -- shut: never seen open. unknown: its ways in were taken for another archive's
    state TEXT NOT NULL CHECK (state IN ('open', 'closed', 'gone', 'shut', 'unknown')),
    state_since TEXT NOT NULL,           -- start of the run that showed it first
    state_run INTEGER NOT NULL REFERENCES runs,
    rung TEXT NOT NULL, grade TEXT,
    address TEXT NOT NULL, product TEXT NOT NULL, version TEXT NOT NULL,
    country TEXT NOT NULL, operator TEXT NOT NULL,   -- '': not attributed
    decoy INTEGER NOT NULL,
    patients INTEGER, studies INTEGER, images INTEGER,   -- null: unknown
    view BLOB NOT NULL,                  -- tell.view.ArchiveView as JSON, zlib
    known BLOB NOT NULL                  -- compare.records.Known as JSON, zlib: as it was last seen open, if ever
);
CREATE INDEX archives_by_state ON archives (scope, state);

-- What a run saw of an archive: its history.
CREATE TABLE sightings (
    archive INTEGER NOT NULL REFERENCES archives,
    run INTEGER NOT NULL REFERENCES runs,
    name TEXT NOT NULL,
    open INTEGER NOT NULL, rung TEXT NOT NULL, grade TEXT,
    patients INTEGER, studies INTEGER, images INTEGER,
    PRIMARY KEY (archive, run)
) WITHOUT ROWID;

-- What became of an archive in a run against its baseline (compare.records.Change). Without a baseline every open archive is new.
CREATE TABLE changes (
    run INTEGER NOT NULL REFERENCES runs,
    archive INTEGER NOT NULL REFERENCES archives,
    kind TEXT NOT NULL,
    by TEXT,
    likely INTEGER NOT NULL,
    muted INTEGER NOT NULL,              -- its risk was accepted at that time
    differences TEXT NOT NULL,           -- JSON of compare.records.Difference
    PRIMARY KEY (run, archive)
) WITHOUT ROWID;
-- Of 100,000 changes a few thousand are told of.
CREATE INDEX changes_that_tell ON changes (run, kind, muted) WHERE kind IN ('new', 'worse', 'closed', 'gone');

-- What is wrong with an archive as the last run saw it.
CREATE TABLE findings (
    archive INTEGER NOT NULL REFERENCES archives,
    place INTEGER NOT NULL,
    code TEXT NOT NULL, severity TEXT NOT NULL, about TEXT NOT NULL, endpoint TEXT,
    title TEXT NOT NULL, words TEXT NOT NULL,
    PRIMARY KEY (archive, place)
) WITHOUT ROWID;
CREATE INDEX findings_by_code ON findings (code);

-- Accepted risks. A row is never changed but to end it. One holds for an archive at most: the one that has not ended.
CREATE TABLE risks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    archive INTEGER NOT NULL REFERENCES archives,
    reason TEXT NOT NULL, by TEXT NOT NULL, accepted_at TEXT NOT NULL, until TEXT NOT NULL,
    known BLOB NOT NULL,                 -- the archive at that time, so that `worse` has a measure
    ended_at TEXT, ended_why TEXT        -- expired, worse, withdrawn
);
CREATE UNIQUE INDEX risks_that_hold ON risks (archive) WHERE ended_at IS NULL;

-- Other work in processes: verify, letters, taking in.
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('verify', 'letters')),
    archive INTEGER REFERENCES archives, scope TEXT NOT NULL, run INTEGER REFERENCES runs,
    state TEXT NOT NULL CHECK (state IN ('running', 'ended')),
    folder TEXT NOT NULL,                -- where its files stand, below the directory of the dashboard
    by TEXT NOT NULL, started TEXT NOT NULL, ended TEXT,
    exit_code INTEGER, result TEXT NOT NULL DEFAULT '', said TEXT NOT NULL DEFAULT ''
);
CREATE TABLE letters (
    archive INTEGER NOT NULL REFERENCES archives,
    reference TEXT NOT NULL, number INTEGER NOT NULL, kind TEXT NOT NULL, day TEXT NOT NULL,
    recipient TEXT NOT NULL, channel TEXT NOT NULL, files TEXT NOT NULL,
    PRIMARY KEY (archive, reference, number)
) WITHOUT ROWID;

CREATE TABLE users (
    name TEXT PRIMARY KEY, password TEXT NOT NULL, role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    created TEXT NOT NULL, changed TEXT NOT NULL, disabled INTEGER NOT NULL DEFAULT 0
);
-- `owner` is whose it is: where they come from, a colon, and what they are known by there. A name alone could be that of two.
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash TEXT NOT NULL UNIQUE,           -- SHA-256 of the cookie
    owner TEXT NOT NULL, subject TEXT NOT NULL, name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')), source TEXT NOT NULL CHECK (source IN ('local', 'oidc')),
    peer TEXT NOT NULL, created TEXT NOT NULL, last TEXT NOT NULL, expires TEXT NOT NULL
);
CREATE INDEX sessions_by_owner ON sessions (owner);
CREATE TABLE tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash TEXT NOT NULL UNIQUE,           -- SHA-256 of the token
    owner TEXT NOT NULL, by TEXT NOT NULL, name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    created TEXT NOT NULL, expires TEXT NOT NULL, used TEXT, revoked TEXT
);
CREATE INDEX tokens_by_owner ON tokens (owner);
-- Who did what. It is only added to.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL, who TEXT NOT NULL, source TEXT NOT NULL, peer TEXT NOT NULL,
    what TEXT NOT NULL, about TEXT NOT NULL, outcome TEXT NOT NULL
);

CREATE TABLE channels (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE, url TEXT NOT NULL, public INTEGER NOT NULL,
    events TEXT NOT NULL,                -- new, worse, closed, expiring, failed, with blanks between them
    digest TEXT NOT NULL DEFAULT '',     -- '': at once; or a schedule as of `scopes`
    next_digest TEXT, enabled INTEGER NOT NULL DEFAULT 1,
    told_to INTEGER NOT NULL,            -- the last event that it was told, or that it need not be told
    last_sent TEXT, last_fault TEXT NOT NULL DEFAULT ''
);
-- What happened that people are told of.
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL, kind TEXT NOT NULL, scope TEXT NOT NULL, run INTEGER, archive INTEGER,
    detail TEXT NOT NULL DEFAULT '{}',   -- JSON: codes and numbers
    muted INTEGER NOT NULL DEFAULT 0,
    UNIQUE (kind, scope, run, archive)
);
-- One message to one channel. A row that is `sending` when the dashboard begins was begun by one that was killed.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    channel INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE,
    events TEXT NOT NULL,                -- JSON: ids
    title TEXT NOT NULL, body TEXT NOT NULL, mood TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'sending', 'sent', 'given-up')),
    made TEXT NOT NULL, next_try TEXT NOT NULL, ended TEXT,
    tries INTEGER NOT NULL DEFAULT 0, fault TEXT NOT NULL DEFAULT '',
    again INTEGER NOT NULL DEFAULT 0     -- it may have been sent before
);
CREATE INDEX outbox_by_state ON outbox (state, next_try);
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
