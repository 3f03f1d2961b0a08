/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the mail servers of this machine get to the unix socket that they
 * are told to use.  Postfix goes there as its own user, and where smtpd is
 * chrooted it sees nothing outside of its queue; sendmail goes as root, and
 * takes no socket that somebody else could have put in its place.
 *
 * What they are told is looked for in their configuration, as text: where it
 * does not name our socket, nothing is said.
 */

#include "config.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "conf/conf.h"
#include "daemon/milter.h"

#define MAIN_CF "/etc/postfix/main.cf"
#define MASTER_CF "/etc/postfix/master.cf"
#define SENDMAIL_CF "/etc/mail/sendmail.cf"
#define QUEUE "/var/spool/postfix"
#define FILE_MAX (1024 * 1024)
#define GROUPS_MAX 64
#define BLANKS " \t"

struct account {
	const char	*name;
	uid_t		 uid;
	gid_t		 groups[GROUPS_MAX];
	int		 group_count;
};

static bool
account_find(struct account *a, const char *name)
{
	const struct passwd *pw = getpwnam(name);

	if (pw == NULL)
		return false;
	a->name = name;
	a->uid = pw->pw_uid;
	a->group_count = GROUPS_MAX;
	return getgrouplist(name, pw->pw_gid, a->groups,
	    &a->group_count) >= 0;
}

/* bits as they are for others, S_IXOTH and the like. */
static bool
account_may(const struct account *a, const struct stat *st, mode_t bits)
{
	if (st->st_uid == a->uid)
		return (st->st_mode & bits << 6) != 0;
	for (int i = 0; i < a->group_count; i++)
		if (a->groups[i] == st->st_gid)
			return (st->st_mode & bits << 3) != 0;
	return (st->st_mode & bits) != 0;
}

/* NULL: there is none that we may read.  For free(). */
static char *
read_text(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	char *text = fd >= 0 ? util_read_text(fd, FILE_MAX) : NULL;

	if (fd >= 0)
		close(fd);
	return text;
}

/* The folder of path without links; NULL: there is none.  For free(). */
static char *
real_folder(const char *path)
{
	char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path) + 1);
	char *real = realpath(folder, NULL);

	free(folder);
	return real;
}

/* The next line of text that is no comment; NULL: none. */
static char *
next_line(char **text)
{
	while (**text != '\0') {
		char *line = *text;
		size_t len = strcspn(line, "\n");

		*text += len + (line[len] != '\0');
		line[len] = '\0';
		if (line[0] != '#')
			return line;
	}
	return NULL;
}

/* Does a line name the socket path, maybe from the queue on? */
static bool
names_socket(const char *line, const char *queue, const char *path)
{
	const char *place = line;
	size_t len = strlen(queue);

	while ((place = strstr(place, "unix:")) != NULL) {
		place += strlen("unix:");
		size_t n = strcspn(place, BLANKS ",{}");

		if (strncmp(place, path, n) == 0 && path[n] == '\0')
			return true;
		if (strncmp(path, queue, len) == 0 && path[len] == '/' &&
		    strncmp(place, path + len + (*place != '/'), n) == 0 &&
		    path[len + (*place != '/') + n] == '\0')
			return true;
	}
	return false;
}

static bool
file_names_socket(const char *file, const char *queue, const char *path)
{
	char *text = read_text(file);
	char *rest = text;
	bool found = false;

	for (const char *line; !found && rest != NULL &&
	    (line = next_line(&rest)) != NULL; )
		found = names_socket(line, queue, path);
	free(text);
	return found;
}

/* For free(). */
static char *
find_queue(void)
{
	static const char option[] = "queue_directory";
	char *text = read_text(MAIN_CF);
	char *rest = text;
	char *found = NULL;

	for (const char *line; rest != NULL &&
	    (line = next_line(&rest)) != NULL; ) {
		const char *value = line + strlen(option);

		if (strncmp(line, option, strlen(option)) != 0)
			continue;
		value += strspn(value, BLANKS);
		if (*value != '=')
			continue;
		value += 1 + strspn(value + 1, BLANKS);
		free(found);
		found = xstrndup(value, strcspn(value, BLANKS));
	}
	free(text);
	return found != NULL ? found : xstrdup(QUEUE);
}

/* A line of master.cf: service, type, private, unprivileged, chroot, ... */
static bool
is_chrooted_smtpd(char *line)
{
	char *rest;
	const char *field = strtok_r(line, BLANKS, &rest);
	bool chrooted = false;

	for (unsigned i = 0; field != NULL && i < 7; i++) {
		field = strtok_r(NULL, BLANKS, &rest);
		if (i == 3 && field != NULL)
			chrooted = field[0] == 'y';
	}
	return chrooted && field != NULL && strcmp(field, "smtpd") == 0;
}

static bool
smtpd_is_chrooted(void)
{
	char *text = read_text(MASTER_CF);
	char *rest = text;
	bool found = false;

	for (char *line; !found && rest != NULL &&
	    (line = next_line(&rest)) != NULL; )
		found = is_chrooted_smtpd(line);
	free(text);
	return found;
}

/* The socket as it is going to be. */
static struct stat
future_socket(const struct conf *c)
{
	struct stat st = { .st_mode = c->socket_mode, .st_uid = geteuid(),
		.st_gid = getegid() };
	const struct passwd *pw = c->user[0] != '\0' ? getpwnam(c->user) :
	    NULL;
	const struct group *gr = c->socket_group[0] != '\0' ?
	    getgrnam(c->socket_group) : NULL;

	if (pw != NULL)
		st.st_uid = pw->pw_uid;
	if (gr != NULL)
		st.st_gid = gr->gr_gid;
	return st;
}

/* Calls judge for each folder from the root down, until it returns false. */
static bool
each_folder(const struct conf *c, const char *folder,
    bool (*judge)(const struct conf *c, const char *folder,
	const struct stat *st, void *arg, struct diag *d),
    void *arg, struct diag *d)
{
	bool good = true;

	for (size_t i = 1; good && folder[i - 1] != '\0'; i++) {
		struct stat st;

		if (folder[i] != '/' && folder[i] != '\0')
			continue;
		char *part = xstrndup(folder, i);
		if (stat(part, &st) == 0)
			good = judge(c, part, &st, arg, d);
		free(part);
	}
	return good;
}

static bool
lets_in(const struct conf *c, const char *folder, const struct stat *st,
    void *arg, struct diag *d)
{
	const struct account *a = arg;

	if (account_may(a, st, S_IXOTH))
		return true;
	conf_complain(c, d, "socket", "Postfix (user %s) cannot enter %s: "
	    "chgrp %s %s && chmod g+x %s", a->name, folder, a->name, folder,
	    folder);
	return false;
}

static void
note_postfix(const struct conf *c, const char *queue, const char *folder,
    struct diag *d)
{
	const struct stat st = future_socket(c);
	size_t len = strlen(queue);
	struct account a;

	if (smtpd_is_chrooted() && (strncmp(folder, queue, len) != 0 ||
	    (folder[len] != '/' && folder[len] != '\0'))) {
		conf_complain(c, d, "socket", "smtpd is chrooted (" MASTER_CF
		    ") and reaches nothing outside of %s: install -d -o %s -g "
		    "postfix -m 0750 %s/spf, and socket = "
		    "\"unix:%s/spf/s.sock\", in " MAIN_CF " unix:spf/s.sock",
		    queue, c->user[0] != '\0' ? c->user : "spf-milter", queue,
		    queue);
		return;
	}
	if (!account_find(&a, "postfix") ||
	    !each_folder(c, folder, lets_in, &a, d))
		return;
	if (!account_may(&a, &st, S_IWOTH))
		conf_complain(c, d, "socket", "Postfix (user postfix) may not "
		    "write to it: set socket_group = \"postfix\"%s",
		    (st.st_mode & S_IWGRP) == 0 ?
		    " and socket_mode = \"0660\"" : "");
}

static bool
is_safe(const struct conf *c, const char *folder, const struct stat *st,
    void *arg, struct diag *d)
{
	(void)arg;
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) == 0)
		return true;
	conf_complain(c, d, "socket", "sendmail takes no socket below %s, "
	    "where others may write: chmod go-w %s", folder, folder);
	return false;
}

static void
note_sendmail(const struct conf *c, const char *folder, struct diag *d)
{
	const char *name = strrchr(c->socket.path, '/') + 1;
	size_t len = (size_t)(name - c->socket.path) - 1;

	if (!each_folder(c, folder, is_safe, NULL, d))
		return;
	if (strncmp(c->socket.path, folder, len) != 0 || folder[len] != '\0')
		conf_complain(c, d, "socket", "sendmail takes no socket behind "
		    "a symbolic link: socket = \"unix:%s/%s\", and the same "
		    "in its configuration", folder, name);
}

void
milter_note(const struct conf *c, struct diag *d)
{
	const char *path = c->socket.path;
	char *folder = path != NULL ? real_folder(path) : NULL;

	if (folder == NULL)
		return;
	char *queue = find_queue();
	char *sendmail = read_text(SENDMAIL_CF);
	if (file_names_socket(MAIN_CF, queue, path) ||
	    file_names_socket(MASTER_CF, queue, path))
		note_postfix(c, queue, folder, d);
	if (sendmail != NULL && strstr(sendmail, path) != NULL)
		note_sendmail(c, folder, d);
	free(sendmail);
	free(queue);
	free(folder);
}
