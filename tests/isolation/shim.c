/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into adversaries that Writ has not written: what they fork begins
 * behind the filter of profile native, the very one that procs have. They
 * themselves must stay outside, for no program that needs its libraries could start.
 */
#include <dlfcn.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/nest.h"

static uid_t uid;
static pid_t parent; /* of one that is behind the filter */

static __attribute__((constructor)) void begin(void)
{
	uid_t (*real)(void) = (uid_t(*)(void))dlsym(RTLD_NEXT, "getuid");

	uid = real();
}

/* The filter refuses these three. Trinity would take that for a change of user or the end of its
 * first process, and end itself. */
uid_t getuid(void)
{
	return uid;
}

pid_t getppid(void)
{
	return parent != 0 ? parent : (pid_t)syscall(SYS_getppid);
}

int kill(pid_t pid, int sig)
{
	return sig == 0 && pid == parent && parent != 0 ? 0 : (int)syscall(SYS_kill, pid, sig);
}

pid_t fork(void)
{
	pid_t (*real)(void) = (pid_t(*)(void))dlsym(RTLD_NEXT, "fork");
	pid_t before = getpid(), pid = real();

	if (pid != 0)
		return pid;
	parent = before;
	if (filter_install(WRIT_PROFILE_NATIVE) < 0)
		_exit(127);
	return pid;
}
