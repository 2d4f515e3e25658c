BEGIN TRANSACTION;
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
INSERT INTO "archives" VALUES(1,'2026-11-27T07:31:00Z',1,1,'2026-11-27T07:31:00Z','open','2026-11-27T07:31:00Z',1,'2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z',1,1,1,1,X'626C6F62',X'626C6F62');
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL, who TEXT NOT NULL, source TEXT NOT NULL, peer TEXT NOT NULL,
    what TEXT NOT NULL, about TEXT NOT NULL, outcome TEXT NOT NULL
);
INSERT INTO "audit" VALUES(1,'2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z');
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
INSERT INTO "changes" VALUES(1,1,'2026-11-27T07:31:00Z','2026-11-27T07:31:00Z',1,1,'2026-11-27T07:31:00Z');
CREATE TABLE channels (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE, url TEXT NOT NULL, public INTEGER NOT NULL,
    events TEXT NOT NULL,                -- new, worse, closed, expiring, failed, with blanks between them
    digest TEXT NOT NULL DEFAULT '',     -- '': at once; or a schedule as of `scopes`
    next_digest TEXT, enabled INTEGER NOT NULL DEFAULT 1,
    told_to INTEGER NOT NULL,            -- the last event that it was told, or that it need not be told
    last_sent TEXT, last_fault TEXT NOT NULL DEFAULT ''
);
INSERT INTO "channels" VALUES(1,'2026-11-27T07:31:00Z','2026-11-27T07:31:00Z',1,'2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z',1,1,'2026-11-27T07:31:00Z','2026-11-27T07:31:00Z');
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL, kind TEXT NOT NULL, scope TEXT NOT NULL, run INTEGER, archive INTEGER,
    detail TEXT NOT NULL DEFAULT '{}',   -- JSON: codes and numbers
    muted INTEGER NOT NULL DEFAULT 0,
    UNIQUE (kind, scope, run, archive)
);
INSERT INTO "events" VALUES(1,'2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z',1,1,'2026-11-27T07:31:00Z',1);
CREATE TABLE findings (
    archive INTEGER NOT NULL REFERENCES archives,
    place INTEGER NOT NULL,
    code TEXT NOT NULL, severity TEXT NOT NULL, about TEXT NOT NULL, endpoint TEXT,
    title TEXT NOT NULL, words TEXT NOT NULL,
    PRIMARY KEY (archive, place)
) WITHOUT ROWID;
INSERT INTO "findings" VALUES(1,1,'2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z');
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('verify', 'letters')),
    archive INTEGER REFERENCES archives, scope TEXT NOT NULL, run INTEGER REFERENCES runs,
    state TEXT NOT NULL CHECK (state IN ('running', 'ended')),
    folder TEXT NOT NULL,                -- where its files stand, below the directory of the dashboard
    by TEXT NOT NULL, started TEXT NOT NULL, ended TEXT,
    exit_code INTEGER, result TEXT NOT NULL DEFAULT '', said TEXT NOT NULL DEFAULT ''
);
INSERT INTO "jobs" VALUES(1,'verify',1,'2026-11-27T07:31:00Z',1,'running','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z',1,'2026-11-27T07:31:00Z','2026-11-27T07:31:00Z');
CREATE TABLE letters (
    archive INTEGER NOT NULL REFERENCES archives,
    reference TEXT NOT NULL, number INTEGER NOT NULL, kind TEXT NOT NULL, day TEXT NOT NULL,
    recipient TEXT NOT NULL, channel TEXT NOT NULL, files TEXT NOT NULL,
    PRIMARY KEY (archive, reference, number)
) WITHOUT ROWID;
INSERT INTO "letters" VALUES(1,'2026-11-27T07:31:00Z',1,'2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z');
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
INSERT INTO "outbox" VALUES(1,1,'2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','waiting','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z',1,'2026-11-27T07:31:00Z',1);
CREATE TABLE risks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    archive INTEGER NOT NULL REFERENCES archives,
    reason TEXT NOT NULL, by TEXT NOT NULL, accepted_at TEXT NOT NULL, until TEXT NOT NULL,
    known BLOB NOT NULL,                 -- the archive at that time, so that `worse` has a measure
    ended_at TEXT, ended_why TEXT        -- expired, worse, withdrawn
);
INSERT INTO "risks" VALUES(1,1,'2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z',X'626C6F62','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z');
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
INSERT INTO "runs" VALUES(1,'2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','asked','2026-11-27T07:31:00Z','running','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z',1,'2026-11-27T07:31:00Z',1,1,1,1,1,1,'2026-11-27T07:31:00Z','2026-11-27T07:31:00Z');
CREATE TABLE scopes (
    name TEXT PRIMARY KEY,
    schedule TEXT NOT NULL DEFAULT '',   -- '', or 'daily 02:00', 'weekly mon 02:00', 'monthly 1 02:00', in UTC
    next_due TEXT,                       -- when the next survey is due; null: none is
    added_at TEXT NOT NULL,
    added_by TEXT NOT NULL
);
INSERT INTO "scopes" VALUES('2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z');
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash TEXT NOT NULL UNIQUE,           -- SHA-256 of the cookie
    owner TEXT NOT NULL, subject TEXT NOT NULL, name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')), source TEXT NOT NULL CHECK (source IN ('local', 'oidc')),
    peer TEXT NOT NULL, created TEXT NOT NULL, last TEXT NOT NULL, expires TEXT NOT NULL
);
INSERT INTO "sessions" VALUES(1,'2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','viewer','local','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z');
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO "settings" VALUES('2026-11-27T07:31:00Z','2026-11-27T07:31:00Z');
CREATE TABLE sightings (
    archive INTEGER NOT NULL REFERENCES archives,
    run INTEGER NOT NULL REFERENCES runs,
    name TEXT NOT NULL,
    open INTEGER NOT NULL, rung TEXT NOT NULL, grade TEXT,
    patients INTEGER, studies INTEGER, images INTEGER,
    PRIMARY KEY (archive, run)
) WITHOUT ROWID;
INSERT INTO "sightings" VALUES(1,1,'2026-11-27T07:31:00Z',1,'2026-11-27T07:31:00Z','2026-11-27T07:31:00Z',1,1,1);
CREATE TABLE tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash TEXT NOT NULL UNIQUE,           -- SHA-256 of the token
    owner TEXT NOT NULL, by TEXT NOT NULL, name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    created TEXT NOT NULL, expires TEXT NOT NULL, used TEXT, revoked TEXT
);
INSERT INTO "tokens" VALUES(1,'2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','viewer','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z');
CREATE TABLE users (
    name TEXT PRIMARY KEY, password TEXT NOT NULL, role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    created TEXT NOT NULL, changed TEXT NOT NULL, disabled INTEGER NOT NULL DEFAULT 0
);
INSERT INTO "users" VALUES('2026-11-27T07:31:00Z','2026-11-27T07:31:00Z','viewer','2026-11-27T07:31:00Z','2026-11-27T07:31:00Z',1);
CREATE INDEX runs_by_scope ON runs (scope, id);
CREATE INDEX archives_by_state ON archives (scope, state);
CREATE INDEX changes_that_tell ON changes (run, kind, muted) WHERE kind IN ('new', 'worse', 'closed', 'gone');
CREATE INDEX findings_by_code ON findings (code);
CREATE UNIQUE INDEX risks_that_hold ON risks (archive) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_owner ON sessions (owner);
CREATE INDEX tokens_by_owner ON tokens (owner);
CREATE INDEX outbox_by_state ON outbox (state, next_try);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('archives',1);
INSERT INTO "sqlite_sequence" VALUES('audit',1);
INSERT INTO "sqlite_sequence" VALUES('channels',1);
INSERT INTO "sqlite_sequence" VALUES('events',1);
INSERT INTO "sqlite_sequence" VALUES('jobs',1);
INSERT INTO "sqlite_sequence" VALUES('outbox',1);
INSERT INTO "sqlite_sequence" VALUES('risks',1);
INSERT INTO "sqlite_sequence" VALUES('runs',1);
INSERT INTO "sqlite_sequence" VALUES('sessions',1);
INSERT INTO "sqlite_sequence" VALUES('tokens',1);
COMMIT;
PRAGMA user_version = 1;
