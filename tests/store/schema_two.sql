-- The tables of schema 2 as the first release made them, and a few rows: what an update must bring through.
CREATE TABLE resource (
  rid INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, tenant INTEGER NOT NULL, version INTEGER NOT NULL,
  updated INTEGER NOT NULL, deleted INTEGER NOT NULL, ord INTEGER NOT NULL, terms BLOB NOT NULL, intervals BLOB NOT NULL,
  body BLOB NOT NULL) STRICT;
CREATE TABLE version (
  rid INTEGER NOT NULL, version INTEGER NOT NULL, updated INTEGER NOT NULL, deleted INTEGER NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (rid, version)) STRICT, WITHOUT ROWID;
CREATE TABLE term (term INTEGER NOT NULL, ord INTEGER NOT NULL, rid INTEGER NOT NULL,
  PRIMARY KEY (term, ord, rid)) STRICT, WITHOUT ROWID;
CREATE TABLE interval (col INTEGER NOT NULL, low REAL NOT NULL, high REAL NOT NULL, ord INTEGER NOT NULL,
  rid INTEGER NOT NULL, PRIMARY KEY (col, low, high, ord, rid)) STRICT, WITHOUT ROWID;
CREATE INDEX interval_of_record ON interval (rid, col);
CREATE TABLE unique_key (key BLOB PRIMARY KEY, digest BLOB NOT NULL, holder BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE job (
  id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, kind TEXT NOT NULL, due INTEGER NOT NULL,
  lease_until INTEGER NOT NULL DEFAULT 0, fence INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0, body BLOB NOT NULL) STRICT;
CREATE INDEX job_due ON job (failed, due);
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, count INTEGER NOT NULL, chain BLOB NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;

-- A record at version 2 with the term 7 (packed: little endian, 64 bits) and the order 40; a deleted one; its versions.
INSERT INTO resource VALUES (1, x'aa01', 1, 2, 200, 0, 40, x'0700000000000000', x'', x'b2');
INSERT INTO resource VALUES (2, x'aa02', 1, 2, 300, 1, 0, x'', x'', x'dd');
INSERT INTO version VALUES (1, 1, 100, 0, x'b1'), (2, 1, 150, 0, x'c1');
INSERT INTO term VALUES (7, 40, 1);
INSERT INTO unique_key VALUES (x'ee', x'd1', x'f1');
INSERT INTO job (id, tenant, kind, due, body) VALUES (5, 1, 'review', 90, x'0b');
INSERT INTO audit VALUES (1, 1, 3, x'cc', x'ab');
INSERT INTO setting VALUES ('tenants', x'5ea1'), ('audit-watermark', x'0000000000000001');
PRAGMA user_version = 2;
