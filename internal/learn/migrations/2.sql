-- Outcomes that a shared store has not taken yet.
CREATE TABLE queued (
	id TEXT PRIMARY KEY REFERENCES outcomes(id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
