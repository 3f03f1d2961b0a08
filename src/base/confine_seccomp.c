/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The filter of system calls, by libseccomp.
 *
 * What is not in the list answers ENOSYS, as a kernel that does not know it
 * would: a library that has learned a new call since takes the way that it has
 * for old kernels.  What can only be meant badly answers EPERM.  Neither ends
 * the process, on purpose: who has taken it over gains as little from an error
 * as from its end, and a mistake here, or the next version of a library, would
 * stop the mail of a whole site.  The kernel writes refusals to the audit log.
 * Only calls of another architecture end it: no library of ours makes any, and
 * the filter knows no numbers of theirs.
 *
 * New threads come by clone(2), whose flags a filter can see; clone3(2) has
 * them in memory, so it does not exist here, and the libc does without.  Some
 * (glibc before 2.37) try it with each thread again, so it is refused by a
 * filter of its own, of which nothing is written: the audit log would have a
 * line of nothing each time.
 */

#include "config.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <asm/termbits.h>
#include <errno.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/confine_priv.h"

#ifndef PR_SET_VMA		/* names of memory, by a libc from 2023 on */
#define PR_SET_VMA 0x53564d41
#endif

/* The flags of clone(2). */
#if defined(__s390__) || defined(__CRIS__)
#define CLONE_ARGUMENT 1
#else
#define CLONE_ARGUMENT 0
#endif
#define CLONE_OTHERS (CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | \
	CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP)

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Whatever their arguments.  Several names are of one call on some machines. */
static const char *const allowed[] = {
	/* memory */
	"brk", "madvise", "membarrier", "memfd_create", "mincore", "mlock",
	"mremap", "msync", "munlock", "munmap",
	/* files; Landlock knows which */
	"_llseek", "access", "close", "close_range", "dup", "dup2", "dup3",
	"faccessat", "faccessat2", "fadvise64", "fadvise64_64", "fcntl",
	"fcntl64", "fdatasync", "flock", "fstat", "fstat64", "fstatat64",
	"fstatfs", "fstatfs64", "fsync", "ftruncate", "ftruncate64", "getcwd",
	"getdents", "getdents64", "lseek", "lstat", "lstat64", "newfstatat",
	"open", "openat", "pipe", "pipe2", "pread64", "preadv", "pwrite64",
	"pwritev", "read", "readlink", "readlinkat", "readv", "sendfile",
	"sendfile64", "stat", "stat64", "statfs", "statfs64", "statx",
	"umask", "unlink", "unlinkat", "write", "writev",
	/* sockets that there are */
	"accept", "accept4", "getpeername", "getsockname", "getsockopt",
	"recv", "recvfrom", "recvmmsg", "recvmmsg_time64", "recvmsg", "send",
	"sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
	/* waiting */
	"_newselect", "epoll_create", "epoll_create1", "epoll_ctl",
	"epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd", "eventfd2",
	"poll", "ppoll", "ppoll_time64", "pselect6", "pselect6_time64",
	"restart_syscall", "select", "timerfd_create", "timerfd_gettime",
	"timerfd_gettime64", "timerfd_settime", "timerfd_settime64",
	/* time */
	"clock_getres", "clock_getres_time64", "clock_gettime",
	"clock_gettime64", "clock_nanosleep", "clock_nanosleep_time64",
	"gettimeofday", "nanosleep", "time", "times",
	/* threads and signals */
	"exit", "exit_group", "futex", "futex_time64", "get_robust_list",
	"getcpu", "gettid", "rseq", "rt_sigaction", "rt_sigpending",
	"rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait",
	"rt_sigtimedwait_time64", "sched_get_priority_max",
	"sched_get_priority_min", "sched_getaffinity", "sched_getparam",
	"sched_getscheduler", "sched_yield", "set_robust_list",
	"set_tid_address", "sigaltstack", "sigreturn",
	/* refused by the filter that writes nothing */
	"clone3",
	/* what we are */
	"getegid", "getegid32", "geteuid", "geteuid32", "getgid", "getgid32",
	"getgroups", "getgroups32", "getpgrp", "getpid", "getppid",
	"getrandom", "getresgid", "getresgid32", "getresuid", "getresuid32",
	"getrlimit", "getrusage", "getuid", "getuid32", "sysinfo",
	"ugetrlimit", "uname"
};

/* Where new ones may be made. */
static const char *const of_sockets[] = { "bind", "connect", "listen" };
static const unsigned long families[] = { AF_UNIX, AF_INET, AF_INET6 };

/* They answer EPERM. */
static const char *const forbidden[] = {
	/* other programs and processes */
	"execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv",
	"process_vm_writev", "process_madvise", "process_mrelease", "kcmp",
	"pidfd_open", "pidfd_getfd", "pidfd_send_signal", "rt_sigqueueinfo",
	"rt_tgsigqueueinfo", "setpgid", "setsid", "setpriority",
	/* who we are */
	"setuid", "setuid32", "setgid", "setgid32", "setreuid", "setreuid32",
	"setregid", "setregid32", "setresuid", "setresuid32", "setresgid",
	"setresgid32", "setgroups", "setgroups32", "setfsuid", "setfsuid32",
	"setfsgid", "setfsgid32", "capset", "personality", "unshare", "setns",
	/* files that are not ours to change */
	"chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "chown32",
	"fchown", "fchown32", "lchown", "lchown32", "fchownat", "link",
	"linkat", "symlink", "symlinkat", "rename", "renameat", "renameat2",
	"mkdir", "mkdirat", "rmdir", "mknod", "mknodat", "truncate",
	"truncate64", "creat", "setxattr", "lsetxattr", "fsetxattr",
	"removexattr", "lremovexattr", "fremovexattr", "name_to_handle_at",
	"open_by_handle_at", "chdir", "fchdir", "chroot", "pivot_root",
	"mount", "umount", "umount2", "move_mount", "open_tree", "fsopen",
	"fsmount", "fsconfig", "fspick", "mount_setattr", "quotactl",
	"quotactl_fd", "swapon", "swapoff", "acct",
	/* the kernel */
	"add_key", "bpf", "clock_adjtime", "clock_settime", "delete_module",
	"finit_module", "init_module", "io_uring_enter", "io_uring_register",
	"io_uring_setup", "ioperm", "iopl", "kexec_file_load", "kexec_load",
	"keyctl", "modify_ldt", "perf_event_open", "reboot", "request_key",
	"seccomp", "setdomainname", "sethostname", "settimeofday", "syslog",
	"userfaultfd", "vhangup"
};

/* One call: 0, or an error, which is none where there is no such call. */
static int
add_rule(scmp_filter_ctx f, uint32_t action, const char *name,
    const struct scmp_arg_cmp *arguments, unsigned count)
{
	int number = seccomp_syscall_resolve_name(name);

	if (number == __NR_SCMP_ERROR)
		return 0;
	int error = seccomp_rule_add_array(f, action, number, count,
	    arguments);
	return error == -EDOM || error == -EEXIST ? 0 : error;
}

static int
add_rules(scmp_filter_ctx f, uint32_t action, const char *const *names,
    size_t count)
{
	int error = 0;

	for (size_t i = 0; error == 0 && i < count; i++)
		error = add_rule(f, action, names[i], NULL, 0);
	return error;
}

/* Where the argument at place i has one of these values. */
static int
allow_values(scmp_filter_ctx f, const char *name, unsigned i,
    const unsigned long *values, size_t count)
{
	int error = 0;

	for (size_t j = 0; error == 0 && j < count; j++) {
		const struct scmp_arg_cmp is = SCMP_CMP(i, SCMP_CMP_MASKED_EQ,
		    0xffffffffU, values[j]);

		error = add_rule(f, SCMP_ACT_ALLOW, name, &is, 1);
	}
	return error;
}

/* A descriptor of a thread, of this process, is all that may be asked for. */
static int
add_processes(scmp_filter_ctx f)
{
	static const unsigned long names[] = { PR_SET_NAME, PR_GET_NAME,
		PR_GET_DUMPABLE, PR_GET_NO_NEW_PRIVS, PR_GET_SECCOMP,
		PR_SET_VMA };
	const unsigned long self[] = { (unsigned long)getpid() };
	const struct scmp_arg_cmp is_thread = SCMP_CMP(CLONE_ARGUMENT,
	    SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_OTHERS, CLONE_THREAD);
	const struct scmp_arg_cmp reads_limits = SCMP_CMP(2, SCMP_CMP_EQ, 0,
	    0);
	int error = add_rule(f, SCMP_ACT_ALLOW, "clone", &is_thread, 1);

	if (error == 0)
		error = allow_values(f, "prctl", 0, names, COUNT(names));
	if (error == 0)
		error = allow_values(f, "kill", 0, self, 1);
	if (error == 0)
		error = allow_values(f, "tgkill", 0, self, 1);
	if (error == 0)
		error = add_rule(f, SCMP_ACT_ALLOW, "prlimit64", &reads_limits,
		    1);
	return error;
}

/* What is written is never run. */
static int
add_memory(scmp_filter_ctx f)
{
	static const unsigned long either[] = { 0, PROT_WRITE, PROT_EXEC };
	static const char *const maps[] = { "mmap", "mmap2" };
	const struct scmp_arg_cmp is_data = SCMP_CMP(2, SCMP_CMP_MASKED_EQ,
	    PROT_EXEC, 0);
	int error = add_rule(f, SCMP_ACT_ALLOW, "mprotect", &is_data, 1);

	for (size_t i = 0; i < COUNT(maps) * COUNT(either); i++) {
		const struct scmp_arg_cmp is = SCMP_CMP(2, SCMP_CMP_MASKED_EQ,
		    PROT_WRITE | PROT_EXEC, either[i % COUNT(either)]);

		if (error == 0)
			error = add_rule(f, SCMP_ACT_ALLOW,
			    maps[i / COUNT(either)], &is, 1);
	}
	return error;
}

/* A terminal and an interface are asked, and never told anything. */
static int
add_devices(scmp_filter_ctx f)
{
	static const unsigned long requests[] = { FIOCLEX, FIONBIO, FIONREAD,
		TCGETS, TIOCGWINSZ, SIOCGIFINDEX, SIOCGIFNAME,
#ifdef TCGETS2			/* isatty(3), by a libc from 2025 on */
		TCGETS2
#endif
	};

	return allow_values(f, "ioctl", 1, requests, COUNT(requests));
}

/* With netlink the libc asks for addresses of this machine. */
static int
add_sockets(scmp_filter_ctx f, bool none)
{
	const struct scmp_arg_cmp route[] = {
		SCMP_CMP(0, SCMP_CMP_MASKED_EQ, 0xffffffffU, AF_NETLINK),
		SCMP_CMP(2, SCMP_CMP_MASKED_EQ, 0xffffffffU, NETLINK_ROUTE)
	};
	int error = allow_values(f, "socketpair", 0, families, 1);

	if (error != 0 || none)
		return error;
	error = add_rules(f, SCMP_ACT_ALLOW, of_sockets, COUNT(of_sockets));
	if (error == 0)
		error = allow_values(f, "socket", 0, families,
		    COUNT(families));
	return error != 0 ? error : add_rule(f, SCMP_ACT_ALLOW, "socket",
	    route, 2);
}

static int
fill(scmp_filter_ctx f, const struct confine *c)
{
	int error = add_rules(f, SCMP_ACT_ALLOW, allowed, COUNT(allowed));

	if (error == 0)
		error = add_processes(f);
	if (error == 0)
		error = add_memory(f);
	if (error == 0)
		error = add_devices(f);
	if (error == 0)
		error = add_sockets(f, c->no_sockets);
	if (error == 0)
		error = add_rules(f, SCMP_ACT_ERRNO(EPERM), forbidden,
		    COUNT(forbidden));
	return error;
}

/* What is refused each time, and no sign of anything. */
static int
fill_quiet(scmp_filter_ctx f, const struct confine *c)
{
	(void)c;
	return add_rule(f, SCMP_ACT_ERRNO(ENOSYS), "clone3", NULL, 0);
}

/* Not all kernels and versions have all of these. */
static void
set_up(scmp_filter_ctx f, bool logs)
{
	(void)seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH,
	    SCMP_ACT_KILL_PROCESS);
	(void)seccomp_attr_set(f, SCMP_FLTATR_CTL_LOG, logs);
	(void)seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
}

/* In force from here on, with those before; otherwise: what it has not. */
static int
load(uint32_t otherwise, bool logs,
    int (*put)(scmp_filter_ctx f, const struct confine *c),
    const struct confine *c)
{
	scmp_filter_ctx f = seccomp_init(otherwise);

	if (f == NULL)
		return -ENOMEM;
	set_up(f, logs);
	int error = put(f, c);
	if (error == 0)
		error = seccomp_load(f);
	seccomp_release(f);
	return error;
}

bool
confine_seccomp(const struct confine *c, struct confine_report *r,
    char *reason)
{
	int error = load(SCMP_ACT_ALLOW, false, fill_quiet, c);

	(void)r;
	if (error == 0)
		error = load(SCMP_ACT_ERRNO(ENOSYS), true, fill, c);
	return error == 0 || confine_failed(reason, "seccomp", -error);
}
