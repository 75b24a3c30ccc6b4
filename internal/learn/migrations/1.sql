-- What happened: a run, its failures and its ledger.
CREATE TABLE runs (
	id      TEXT PRIMARY KEY,
	started INTEGER NOT NULL, -- microseconds since 1970
	verdict TEXT NOT NULL,
	seconds REAL NOT NULL,
	command TEXT NOT NULL,
	head    TEXT NOT NULL,
	base    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE failures (
	run         TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
	fingerprint TEXT NOT NULL,
	test        TEXT NOT NULL,
	kind        TEXT NOT NULL,
	message     TEXT NOT NULL,
	PRIMARY KEY (run, fingerprint)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
	run      TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
	id       TEXT NOT NULL,
	failure  TEXT NOT NULL,
	strategy TEXT NOT NULL,
	file     TEXT NOT NULL,
	line     INTEGER NOT NULL,
	stage    TEXT NOT NULL,
	verdict  TEXT NOT NULL,
	seconds  REAL NOT NULL,
	reason   TEXT NOT NULL,
	patch    TEXT NOT NULL,
	PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_by_failure ON attempts (failure, patch);

-- What the attempts were worth. An outcome outlives its run and may come from
-- another machine, so run and attempt are not foreign keys.
CREATE TABLE outcomes (
	id       TEXT PRIMARY KEY,
	run      TEXT NOT NULL,
	attempt  TEXT NOT NULL,
	strategy TEXT NOT NULL,
	language TEXT NOT NULL,
	kind     TEXT NOT NULL,
	reward   REAL NOT NULL,
	weight   REAL NOT NULL,
	seconds  REAL NOT NULL,
	event    TEXT NOT NULL,
	at       INTEGER NOT NULL -- microseconds since 1970
) STRICT, WITHOUT ROWID;
CREATE INDEX outcomes_by_time ON outcomes (at, id);
CREATE INDEX outcomes_by_run ON outcomes (run);

-- The sums of the outcomes by arm and day; decay is applied when read.
CREATE TABLE posteriors (
	strategy TEXT NOT NULL,
	language TEXT NOT NULL,
	kind     TEXT NOT NULL,
	day      INTEGER NOT NULL, -- days since 1970-01-01 UTC
	alpha    REAL NOT NULL,
	beta     REAL NOT NULL,
	PRIMARY KEY (strategy, language, kind, day)
) STRICT, WITHOUT ROWID;
