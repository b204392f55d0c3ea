// A database on disk: tables, indexes, a hundred thousand rows, joins, a rollback, a recursive query, an integrity check.
// argv[1]: thousands of rows (100).
#include <stdio.h>
#include <stdlib.h>

#include "sqlite3.h"

static sqlite3 *database;

static void fail(const char *what) {
  printf("FAIL %s: %s\n", what, sqlite3_errmsg(database));
  exit(1);
}

static void execute(const char *sql) {
  if (sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK) fail(sql);
}

static void query(const char *sql) {
  sqlite3_stmt *statement;
  if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK) fail(sql);
  int state;
  while ((state = sqlite3_step(statement)) == SQLITE_ROW) {
    for (int i = 0; i < sqlite3_column_count(statement); i++)
      printf("%s%s", i ? "|" : "", (const char *)sqlite3_column_text(statement, i));
    putchar('\n');
  }
  if (state != SQLITE_DONE) fail(sql);
  sqlite3_finalize(statement);
}

int main(int argc, char **argv) {
  int rows = 1000 * (argc > 1 ? atoi(argv[1]) : 100);
  if (sqlite3_open("/test.db", &database) != SQLITE_OK) fail("open");
  execute("PRAGMA journal_mode=DELETE; PRAGMA synchronous=NORMAL; PRAGMA cache_size=2000");
  execute("CREATE TABLE item (id INTEGER PRIMARY KEY, kind INTEGER, name TEXT, weight REAL)");
  execute("CREATE TABLE kind (id INTEGER PRIMARY KEY, label TEXT UNIQUE)");
  execute("BEGIN");
  sqlite3_stmt *insert;
  if (sqlite3_prepare_v2(database, "INSERT INTO item (kind, name, weight) VALUES (?, ?, ?)", -1, &insert, NULL)) fail("insert");
  unsigned seed = 42;
  for (int i = 0; i < rows; i++) {
    char name[32];
    seed = seed * 1664525u + 1013904223u;
    int length = snprintf(name, sizeof name, "item-%08x", seed);
    sqlite3_bind_int(insert, 1, (int)(seed >> 24) % 50);
    sqlite3_bind_text(insert, 2, name, length, SQLITE_TRANSIENT);
    sqlite3_bind_double(insert, 3, (seed >> 8) / 1024.0);
    if (sqlite3_step(insert) != SQLITE_DONE) fail("step");
    sqlite3_reset(insert);
  }
  sqlite3_finalize(insert);
  execute("COMMIT");
  execute("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 49)"
          " INSERT INTO kind SELECT i, printf('kind %02d', i) FROM n");
  execute("CREATE INDEX by_kind ON item (kind, weight)");
  query("SELECT count(*), round(sum(weight), 3), min(name), max(name) FROM item");
  query("SELECT label, count(*), round(avg(weight), 4) FROM item JOIN kind ON kind.id = item.kind"
        " GROUP BY kind.id ORDER BY count(*) DESC, label LIMIT 5");
  query("SELECT name FROM item WHERE name LIKE '%beef%' ORDER BY name");
  execute("BEGIN; DELETE FROM item WHERE kind % 2 = 0");
  query("SELECT count(*) FROM item");
  execute("ROLLBACK");
  execute("UPDATE item SET name = upper(name) WHERE id % 7 = 0; DELETE FROM item WHERE id % 3 = 0; VACUUM");
  query("SELECT count(*), sum(length(name)), sum(name GLOB 'ITEM*') FROM item");
  query("SELECT group_concat(label, ', ') FROM (SELECT label FROM kind WHERE id IN"
        " (SELECT kind FROM item GROUP BY kind ORDER BY max(weight) DESC LIMIT 3) ORDER BY label)");
  query("PRAGMA integrity_check");
  if (sqlite3_close(database) != SQLITE_OK) fail("close");
  puts("PASS");
  return 0;
}
