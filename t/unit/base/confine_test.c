/* SPDX-License-Identifier: BSD-2-Clause */
/* Each in a child of its own that is confined: what it can do, and cannot. */

#include "unit.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <asm/termbits.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/confine.h"

#define KILLED 1000		/* and the signal */
#define TCP_SINCE 4		/* versions of Landlock */
#define SCOPES_SINCE 6

static char	folder[] = "/tmp/confine_test.XXXXXX";
static char	inside[64];	/* files */
static char	outside[64];
static char	link_out[64];
static int	listeners[2];	/* TCP: the first may be connected to */
static uint16_t	ports[2];
static bool	without_sockets;
static struct confine_report report;

/* What an attempt came to: 0, or errno. */
static int
done(long result)
{
	return result < 0 ? errno : 0;
}

static void
enter(void)
{
	struct confine *c = confine_new();
	char own[64];

	snprintf(own, sizeof(own), "%s/own/any", folder);
	confine_read_beside(c, own);
	snprintf(own, sizeof(own), "%s/removable/any", folder);
	confine_remove_beside(c, own);
	confine_write(c, "/dev/null");
	confine_connect(c, ports[0]);
	if (without_sockets)
		confine_no_sockets(c);
	confine_enter(c, &report);
}

static int
in_child(int (*attempt)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		enter();
		_exit(attempt());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	    KILLED + WTERMSIG(status);
}

static int
parts(void)
{
	int held = 0;

	for (int p = 0; p < CONFINE_PARTS; p++)
		held |= report.holds[p] << p;
	return held;
}

static int
landlock(void)
{
	return report.holds[CONFINE_LANDLOCK] ? (int)report.landlock : 0;
}

/* Programs and processes */

static int
try_exec(void)
{
	char name[] = "true";
	char *const argv[] = { name, NULL };

	return done(execv("/bin/true", argv));
}

static int
try_fork(void)
{
	return done(fork());
}

static int
try_trace(void)
{
	return done(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int
try_signal(void)
{
	return done(kill(getppid(), 0));
}

static int
try_signal_to_itself(void)
{
	return done(kill(getpid(), 0));
}

static int
try_read_memory(void)
{
	return done(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0,
	    0));
}

static int
try_other_user(void)
{
	return done(setuid(getuid() + 1));
}

static int
try_ring(void)
{
	return done(syscall(425, 1, NULL));	/* io_uring_setup */
}

static int
try_call_of_the_future(void)
{
	return done(syscall(9999));
}

static int
try_other_namespace(void)
{
	return done(syscall(SYS_unshare, 0x10000000));	/* CLONE_NEWUSER */
}

static void
test_it_becomes_nobody_else_and_reaches_no_process(void **state)
{
	(void)state;
	assert_int_equal(in_child(try_exec), EPERM);
	assert_int_not_equal(in_child(try_fork), 0);
	assert_int_equal(in_child(try_trace), EPERM);
	assert_int_not_equal(in_child(try_signal), 0);
	assert_int_equal(in_child(try_signal_to_itself), 0);
	assert_int_equal(in_child(try_read_memory), EPERM);
	assert_int_equal(in_child(try_other_user), EPERM);
	assert_int_equal(in_child(try_other_namespace), EPERM);
	assert_int_equal(in_child(try_ring), EPERM);
}

static void
test_an_unknown_call_is_not_there_and_kills_nobody(void **state)
{
	(void)state;
	assert_int_equal(in_child(try_call_of_the_future), ENOSYS);
}

#if defined(__x86_64__) && !defined(__ILP32__)
static int
try_x32(void)
{
	return done(syscall(0x40000000 + SYS_getpid));
}

static void
test_calls_of_another_architecture_end_it(void **state)
{
	(void)state;
	assert_int_equal(in_child(try_x32), KILLED + SIGSYS);
}
#endif

static int
try_abort(void)
{
	abort();
}

/* It signals its own thread; else the end would look like another fault. */
static void
test_an_abort_is_one(void **state)
{
	(void)state;
	assert_int_equal(in_child(try_abort), KILLED + SIGABRT);
}

static bool	without_quiet;	/* filters that log nothing: see syscall */

static int
try_clone3(void)
{
	return done(syscall(435, NULL, 0));
}

/* Some libcs try it with each thread. */
static void
test_clone3_is_refused_and_the_audit_log_has_nothing_of_it(void **state)
{
	(void)state;
	assert_int_equal(in_child(try_clone3), ENOSYS);
	without_quiet = true;
	int logged = in_child(try_clone3);
	int also_logged = in_child(try_ring);
	without_quiet = false;
	assert_int_equal(logged, EINVAL);	/* by the kernel itself */
	assert_int_equal(also_logged, EPERM);
}

/* isatty(3) of a libc old and new; what is no terminal says so. */
static int
try_terminal(void)
{
	if (ioctl(listeners[0], TCGETS, NULL) != -1 || errno != ENOTTY)
		return 1;
#ifdef TCGETS2
	if (ioctl(listeners[0], TCGETS2, NULL) != -1 || errno != ENOTTY)
		return 2;
#endif
	return done(ioctl(listeners[0], TIOCSTI, ""));
}

static void
test_a_terminal_is_asked_and_told_nothing(void **state)
{
	(void)state;
	assert_int_equal(in_child(try_terminal), ENOSYS);
}

static void *
nothing(void *arg)
{
	return arg;
}

static int
try_thread(void)
{
	pthread_t thread;

	int error = pthread_create(&thread, NULL, nothing, NULL);
	return error != 0 ? error : pthread_join(thread, NULL);
}

static void
test_threads_start(void **state)
{
	(void)state;
	assert_int_equal(in_child(try_thread), 0);
}

static int
map_as(int prot)
{
	return mmap(NULL, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	    MAP_FAILED ? errno : 0;
}

static int
try_code(void)
{
	return map_as(PROT_READ | PROT_WRITE | PROT_EXEC);
}

static int
try_data(void)
{
	return map_as(PROT_READ | PROT_WRITE);
}

static int
try_data_as_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return done(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static void
test_nothing_that_was_written_is_run(void **state)
{
	(void)state;
	assert_int_equal(in_child(try_data), 0);
	assert_int_not_equal(in_child(try_code), 0);
	assert_int_not_equal(in_child(try_data_as_code), 0);
}

/* Files */

static int
read_file(const char *path)
{
	return done(open(path, O_RDONLY | O_CLOEXEC));
}

static int
try_file(void)
{
	return read_file(inside);
}

static int
try_other_file(void)
{
	return read_file(outside);
}

static int
try_link_out(void)
{
	return read_file(link_out);
}

static int
try_write(void)
{
	return done(open(inside, O_WRONLY | O_CLOEXEC));
}

static int
try_create(void)
{
	char path[80];

	snprintf(path, sizeof(path), "%s.new", inside);
	return done(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int
try_null(void)
{
	return done(open("/dev/null", O_RDWR | O_CLOEXEC));
}

static int
try_remove(void)
{
	return done(unlink(inside));
}

static int
try_remove_own(void)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/removable/file", folder);
	return done(unlink(path));
}

static void
test_files_are_those_of_its_folders_and_only_read(void **state)
{
	(void)state;
	assert_int_equal(in_child(try_file), 0);
	assert_int_equal(in_child(try_other_file), EACCES);
	assert_int_equal(in_child(try_link_out), EACCES);
	assert_int_equal(in_child(try_write), EACCES);
	assert_int_equal(in_child(try_create), EACCES);
	assert_int_equal(in_child(try_null), 0);
	assert_int_equal(in_child(try_remove), EACCES);
	assert_int_equal(in_child(try_remove_own), 0);
}

static int	ready[2];		/* pipes: it is confined, */
static int	go[2];			/* and the file is another one */

static int
try_file_that_came_later(void)
{
	char octet;

	if (write(ready[1], "", 1) != 1 || read(go[0], &octet, 1) != 1)
		return EIO;
	return read_file(inside);
}

static void *
replace(void *arg)
{
	char octet;

	if (read(ready[0], &octet, 1) != 1 || rename(outside, inside) != 0 ||
	    write(go[1], "", 1) != 1)
		abort();
	return arg;
}

/* As editors and others do it. */
static void
test_a_file_that_takes_the_place_of_another_is_read(void **state)
{
	(void)state;
	pthread_t thread;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(go), 0);
	assert_int_equal(pthread_create(&thread, NULL, replace, NULL), 0);
	assert_int_equal(in_child(try_file_that_came_later), 0);
	pthread_join(thread, NULL);
	for (size_t i = 0; i < 2; i++) {
		close(ready[i]);
		close(go[i]);
	}
}

static int
try_explain(void)
{
	const char *what = confine_strerror(EACCES, outside);

	return strstr(what, "restart") != NULL && strcmp(strerror(EACCES),
	    confine_strerror(EACCES, inside)) == 0 && strcmp(strerror(ENOENT),
	    confine_strerror(ENOENT, outside)) == 0 ? 0 : 1;
}

static void
test_what_is_out_of_reach_is_said(void **state)
{
	(void)state;
	assert_string_equal(confine_strerror(EACCES, outside),
	    strerror(EACCES));
	assert_int_equal(in_child(try_explain), 0);
}

/* Sockets */

static int
connect_to(uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return done(connect(fd, (const struct sockaddr *)&in, sizeof(in)));
}

static int
try_port(void)
{
	return connect_to(ports[0]);
}

static int
try_other_port(void)
{
	return connect_to(ports[1]);
}

static int
try_listen(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return done(bind(fd, (const struct sockaddr *)&in, sizeof(in)));
}

static int
try_packets(void)
{
	return done(socket(AF_PACKET, SOCK_DGRAM, 0));
}

static int
try_netlink(void)
{
	return done(socket(AF_NETLINK, SOCK_RAW, 12));	/* of netfilter */
}

static int
try_socket(void)
{
	return done(socket(AF_INET, SOCK_DGRAM, 0));
}

/* Of the parent; the name begins with NUL. */
static int
try_abstract(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(un.sun_path + 1, folder, sizeof(folder));
	return done(connect(fd, (const struct sockaddr *)&un, sizeof(un)));
}

static void
test_tcp_goes_to_its_ports_only(void **state)
{
	(void)state;
	assert_int_equal(in_child(try_port), 0);
	assert_int_equal(in_child(try_other_port), EACCES);
	assert_int_equal(in_child(try_listen), EACCES);
}

static void
test_no_family_of_sockets_but_those_of_the_internet(void **state)
{
	(void)state;
	assert_int_equal(in_child(try_socket), 0);
	assert_int_equal(in_child(try_packets), ENOSYS);
	assert_int_equal(in_child(try_netlink), ENOSYS);
	without_sockets = true;
	assert_int_equal(in_child(try_socket), ENOSYS);
	without_sockets = false;
}

static void
test_sockets_without_a_file_are_out_of_reach(void **state)
{
	(void)state;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(un.sun_path + 1, folder, sizeof(folder));
	assert_int_equal(bind(fd, (const struct sockaddr *)&un, sizeof(un)),
	    0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(in_child(try_abstract), EPERM);
	setenv("NOTIFY_SOCKET", "@manager", 1);
	assert_int_equal(in_child(try_abstract), 0);
	unsetenv("NOTIFY_SOCKET");
	close(fd);
}

/* The rest */

static int
try_dump(void)
{
	struct rlimit core;

	return getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0 ?
	    prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) : 2;
}

static void
test_it_leaves_no_core(void **state)
{
	(void)state;
	assert_int_equal(in_child(try_dump), 0);
}

static void
test_the_report_has_what_holds(void **state)
{
	(void)state;
	struct confine_report r = { .entered = true, .landlock = 7,
		.holds = { [CONFINE_LANDLOCK] = true,
		    [CONFINE_NON_DUMPABLE] = true } };
	char text[80];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	confine_format(&r, &sb);
	assert_string_equal(text, "landlock=7 non-dumpable");
}

static void
make_file(char path[64], const char *name)
{
	snprintf(path, 64, "%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

/* A kernel with the first Landlock, which knows no ports: it grants all. */
static bool old_kernel;

long
syscall(long number, ...)
{
	long (*next)(long, ...);
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (size_t i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (without_quiet && number == SYS_seccomp &&
	    a[0] == SECCOMP_SET_MODE_FILTER && a[2] != 0 &&
	    (a[1] & SECCOMP_FILTER_FLAG_LOG) == 0)
		return 0;
	if (old_kernel && number == 444)	/* landlock_create_ruleset */
		return a[0] == 0 ? 1 : open("/dev/null", O_RDONLY);
	if (old_kernel && (number == 445 || number == 446))
		return 0;
	*(void **)&next = dlsym(RTLD_NEXT, "syscall");
	return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static int
try_ports_with_the_first_landlock(void)
{
	return report.holds[CONFINE_LANDLOCK] && report.landlock == 1 &&
	    confine_may_connect(ports[0]) && confine_may_connect(ports[1]);
}

static void
test_ports_are_free_where_landlock_knows_none(void **state)
{
	(void)state;
	old_kernel = true;
	int free_ports = in_child(try_ports_with_the_first_landlock);
	old_kernel = false;
	assert_int_equal(free_ports, 1);
}

static void
make_folder(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void
open_listener(size_t i)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);

	listeners[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listeners[i], (const struct sockaddr *)&in,
	    len), 0);
	assert_int_equal(listen(listeners[i], 8), 0);
	assert_int_equal(getsockname(listeners[i], (struct sockaddr *)&in,
	    &len), 0);
	ports[i] = ntohs(in.sin_port);
}

static int
set_up(void **state)
{
	char path[64];

	(void)state;
	assert_non_null(mkdtemp(folder));
	make_folder("own");
	make_folder("other");
	make_folder("removable");
	make_file(inside, "own/file");
	make_file(outside, "other/file");
	make_file(path, "removable/file");
	snprintf(link_out, sizeof(link_out), "%s/own/link", folder);
	assert_int_equal(symlink(outside, link_out), 0);
	open_listener(0);
	open_listener(1);
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const left[] = { "own/link", "own/file",
		"own/file.new", "other/file", "removable/file", "own", "other",
		"removable", "" };
	char path[64];

	(void)state;
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, left[i]);
		(void)remove(path);
	}
	return 0;
}

/*
 * What each test needs of kernel and build: a part (CONFINE_PARTS: none), and
 * a version of Landlock.
 */
#define ROW(part, version, test) { cmocka_unit_test(test), part, version }
static const struct row {
	struct CMUnitTest test;
	enum confine_part part;
	int		 version;
} rows[] = {
	ROW(CONFINE_SECCOMP, 0,
	    test_it_becomes_nobody_else_and_reaches_no_process),
	ROW(CONFINE_SECCOMP, 0,
	    test_an_unknown_call_is_not_there_and_kills_nobody),
#if defined(__x86_64__) && !defined(__ILP32__)
	ROW(CONFINE_SECCOMP, 0, test_calls_of_another_architecture_end_it),
#endif
	ROW(CONFINE_SECCOMP, 0, test_an_abort_is_one),
	ROW(CONFINE_SECCOMP, 0,
	    test_clone3_is_refused_and_the_audit_log_has_nothing_of_it),
	ROW(CONFINE_SECCOMP, 0, test_a_terminal_is_asked_and_told_nothing),
	ROW(CONFINE_PARTS, 0, test_threads_start),
	ROW(CONFINE_SECCOMP, 0, test_nothing_that_was_written_is_run),
	ROW(CONFINE_LANDLOCK, 1,
	    test_files_are_those_of_its_folders_and_only_read),
	ROW(CONFINE_LANDLOCK, 1, test_what_is_out_of_reach_is_said),
	ROW(CONFINE_PARTS, 0,
	    test_a_file_that_takes_the_place_of_another_is_read),
	ROW(CONFINE_LANDLOCK, TCP_SINCE, test_tcp_goes_to_its_ports_only),
	ROW(CONFINE_NO_NEW_PRIVS, 0,
	    test_ports_are_free_where_landlock_knows_none),
	ROW(CONFINE_SECCOMP, 0,
	    test_no_family_of_sockets_but_those_of_the_internet),
	ROW(CONFINE_LANDLOCK, SCOPES_SINCE,
	    test_sockets_without_a_file_are_out_of_reach),
	ROW(CONFINE_NON_DUMPABLE, 0, test_it_leaves_no_core),
	ROW(CONFINE_PARTS, 0, test_the_report_has_what_holds),
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* Says what is not there.  (cmocka's skip() is a failure in TAP.) */
static bool
is_testable(const struct row *r, int held, int version)
{
	if (r->part == CONFINE_PARTS ||
	    ((held & 1 << r->part) != 0 && version >= r->version))
		return true;
	printf("# left out, %s %d is not there: %s\n",
	    confine_part_name(r->part), r->version, r->test.name);
	return false;
}

int
main(void)
{
	struct CMUnitTest tests[ROWS] = { { .name = NULL } };
	int held = in_child(parts);
	int version = in_child(landlock);

	for (size_t i = 0; i < ROWS; i++)
		if (is_testable(&rows[i], held, version))
			tests[i] = rows[i].test;
	return cmocka_run_group_tests_name("confine", tests, set_up,
	    tear_down);
}
