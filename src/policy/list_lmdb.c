/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LMDB files as Postfix writes them: one database without a name in one file,
 * keys and values ended by NUL, guarded by flock and not by LMDB's own locks.
 */

#include "config.h"

#include <errno.h>
#include <lmdb.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/list_priv.h"

/* A map may have keys that are for other lists: those are passed over. */
static void
add_key(struct list_table *t, const MDB_val *key)
{
	char text[1024];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	sbuf_add(&sb, key->mv_data, key->mv_size);
	if (sbuf_ok(&sb))
		list_table_add(t, text);
}

static int
read_keys(struct list_table *t, MDB_txn *txn)
{
	MDB_cursor *cursor;
	MDB_val value;
	MDB_val key;
	MDB_dbi dbi;
	int error = mdb_dbi_open(txn, NULL, 0, &dbi);

	if (error == 0)
		error = mdb_cursor_open(txn, dbi, &cursor);
	if (error != 0)
		return error;
	while ((error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
		add_key(t, &key);
	mdb_cursor_close(cursor);
	return error == MDB_NOTFOUND ? 0 : error;
}

/* LMDB maps the file, and would fall where its end is missing. */
static bool
is_whole(MDB_env *env, const struct stat *st)
{
	MDB_envinfo info;
	MDB_stat size;

	return mdb_env_info(env, &info) == 0 && mdb_env_stat(env, &size) == 0 &&
	    (uint64_t)st->st_size / size.ms_psize > info.me_last_pgno;
}

static int
read_database(struct list_table *t, const char *path, const struct stat *st)
{
	MDB_txn *txn;
	MDB_env *env;
	int error = mdb_env_create(&env);

	if (error != 0)
		return error;
	error = mdb_env_open(env, path,
	    MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK, 0);
	if (error == 0 && !is_whole(env, st))
		error = MDB_CORRUPTED;
	if (error == 0)
		error = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
	if (error == 0) {
		error = read_keys(t, txn);
		mdb_txn_abort(txn);
	}
	mdb_env_close(env);
	return error;
}

bool
list_lmdb_read(struct list_table *t, const char *path, struct diag *d)
{
	int fd = list_text_open(path, d);
	struct stat st;
	int error;

	if (fd < 0)
		return false;
	if (flock(fd, LOCK_SH | LOCK_NB) != 0 || fstat(fd, &st) != 0)
		error = errno;
	else
		error = st.st_size > LIST_OCTETS_MAX ? EFBIG :
		    read_database(t, path, &st);
	close(fd);
	if (error != 0)
		diag_add(d, path, 0, "%s", error == EWOULDBLOCK ?
		    "it is being written" : mdb_strerror(error));
	return error == 0;
}

const char *
list_lmdb_library(void)
{
	return "LMDB " LIST_TEXT(MDB_VERSION_MAJOR) "."
	    LIST_TEXT(MDB_VERSION_MINOR) "." LIST_TEXT(MDB_VERSION_PATCH);
}
