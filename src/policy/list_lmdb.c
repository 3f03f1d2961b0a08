/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LMDB files as Postfix writes them: one database without a name in one file,
 * keys and values ended by NUL, guarded by flock and not by LMDB's own locks.
 * LMDB gets a copy, and one that has been checked.
 */

#include "config.h"

#include <errno.h>
#include <lmdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
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

static int
read_database(struct list_table *t, int fd, size_t size)
{
	char path[40];
	MDB_txn *txn;
	MDB_env *env;
	int error = mdb_env_create(&env);

	if (error != 0)
		return error;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	error = mdb_env_set_mapsize(env, size);
	if (error == 0)
		error = mdb_env_open(env, path,
		    MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK, 0);
	if (error == 0)
		error = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
	if (error == 0) {
		error = read_keys(t, txn);
		mdb_txn_abort(txn);
	}
	mdb_env_close(env);
	return error;
}

static int
read_copy(struct list_table *t, int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);

	if (size <= 0)
		return size < 0 ? errno : MDB_INVALID;
	void *octets = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
	if (octets == MAP_FAILED)
		return errno;
	bool good = list_lmdb_check(octets, (size_t)size);
	munmap(octets, (size_t)size);
	return good ? read_database(t, fd, (size_t)size) : MDB_CORRUPTED;
}

bool
list_lmdb_read(struct list_table *t, const char *path, struct diag *d)
{
	int from = list_text_open(path, d);

	if (from < 0)
		return false;
	int fd = flock(from, LOCK_SH | LOCK_NB) == 0 ? list_copy(from) : -1;
	int error = fd >= 0 ? read_copy(t, fd) : errno;
	if (fd >= 0)
		close(fd);
	close(from);
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
