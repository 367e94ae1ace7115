/* SPDX-License-Identifier: MIT */
/* See survey.h. */
#include "survey.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/isolation/harness.h"

const char *survey_entries(const char *path)
{
	static char text[1024];
	struct dirent **list;
	int n = scandir(path, &list, NULL, alphasort);
	size_t len = (size_t)snprintf(text, sizeof(text), "%s", n < 0 ? "-" : "");

	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;

		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && len < sizeof(text))
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
			    len > 0 ? " " : "", name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return text;
}

const char *survey_path(pid_t pid, const char *rest)
{
	static char path[256];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, rest);
	return path;
}

int survey_inside(pid_t pid, const char *ns, int (*look)(const struct survey_want *w),
    const struct survey_want *w)
{
	int status = -1, fd = open(survey_path(pid, ns), O_RDONLY | O_CLOEXEC);
	pid_t child;

	if (fd < 0)
		return 255;
	child = fork();
	if (child == 0)
		_exit(setns(fd, 0) < 0 ? 255 : look(w));
	close(fd);
	return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int hostname_is_realm(const struct survey_want *w)
{
	char name[65] = "";

	return gethostname(name, sizeof(name) - 1) == 0 && strcmp(name, w->realm) == 0;
}

/* 1 when there is one interface and it is lo and down */
static int net_is_dead(const struct survey_want *w)
{
	struct ifreq r = { .ifr_name = "lo" };
	struct if_nameindex *all = if_nameindex();
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)w;
	return all != NULL && all[0].if_index != 0 && strcmp(all[0].if_name, "lo") == 0 &&
	    all[1].if_index == 0 && ioctl(fd, SIOCGIFFLAGS, &r) == 0 && (r.ifr_flags & IFF_UP) == 0;
}

static int status_is(pid_t pid, const char *key, const char *value)
{
	const char *v = harness_proc(pid, "status", key);

	return v != NULL && strcmp(v, value) == 0;
}

static int limit_is(pid_t pid, const char *name, const char *value)
{
	char line[256];
	FILE *f = fopen(survey_path(pid, "limits"), "re");
	int found = 0;

	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			found = strncmp(line + 26, value, strlen(value)) == 0;
	fclose(f);
	return found;
}

static int ids_fine(pid_t pid, const struct survey_want *w)
{
	const char *v = harness_proc(pid, "status", "Uid");
	unsigned uid = w->uid != 0 ? w->uid : v != NULL ? (unsigned)atoi(v) : 0;
	char uids[64];

	snprintf(uids, sizeof(uids), "%u\t%u\t%u\t%u", uid, uid, uid, uid);
	return uid > 65535 && status_is(pid, "Uid", uids) && status_is(pid, "Gid", uids) &&
	    status_is(pid, "Groups", "");
}

static int caps_fine(pid_t pid, const struct survey_want *w)
{
	static const char *const sets[] = { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" };
	int n = 0;

	(void)w;
	for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		n += status_is(pid, sets[i], "0000000000000000");
	return n == sizeof(sets) / sizeof(sets[0]);
}

static int privs_fine(pid_t pid, const struct survey_want *w)
{
	(void)w;
	return status_is(pid, "NoNewPrivs", "1");
}

/* Servers ignore SIGPIPE besides. */
static int signals_fine(pid_t pid, const struct survey_want *w)
{
	const char *v = harness_proc(pid, "status", "SigIgn");

	(void)w;
	return v != NULL && (strtoull(v, NULL, 16) & ~UINT64_C(0x1000)) == 0x1000000; /* SIGXFSZ */
}

static int filter_fine(pid_t pid, const struct survey_want *w)
{
	(void)w;
	return status_is(pid, "Seccomp", "2");
}

static int root_fine(pid_t pid, const struct survey_want *w)
{
	(void)w;
	return strcmp(survey_entries(survey_path(pid, "root")), "") == 0 &&
	    mkdir(survey_path(pid, "root/x"), 0700) < 0 && errno == EROFS;
}

static int hostname_fine(pid_t pid, const struct survey_want *w)
{
	char name[65] = "";
	struct survey_want host = { .realm = name };

	if (w->realm != NULL)
		return survey_inside(pid, "ns/uts", hostname_is_realm, w) == 1;
	return gethostname(name, sizeof(name) - 1) == 0 &&
	    survey_inside(pid, "ns/uts", hostname_is_realm, &host) == 0;
}

static int limits_fine(pid_t pid, const struct survey_want *w)
{
	(void)w;
	return limit_is(pid, "Max core file size", "1                    1 ") &&
	    limit_is(pid, "Max locked memory", "0 ") && limit_is(pid, "Max msgqueue size", "0 ");
}

static int namespaces_fine(pid_t pid, const struct survey_want *w)
{
	static const char *const all[] = { "user", "mnt", "pid", "net", "ipc", "uts", "cgroup" };
	unsigned n = 0;

	(void)w;
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct stat a, b;
		char rest[16];

		snprintf(rest, sizeof(rest), "ns/%s", all[i]);
		n += stat(survey_path(pid, rest), &a) == 0 &&
		    stat(survey_path(getpid(), rest), &b) == 0 && a.st_ino != b.st_ino;
	}
	return n == sizeof(all) / sizeof(all[0]) &&
	    survey_inside(pid, "ns/net", net_is_dead, w) == 1;
}

/* clang-format off */
const struct survey_aspect survey_aspects[] = {
	{ "ids", "a user id of its own, no group", ids_fine },
	{ "caps", "no Linux capability, nor in the bounding set", caps_fine },
	{ "no_new_privs", "no new privileges", privs_fine },
	{ "signals", "no signal ignored that isn't said", signals_fine },
	{ "filter", "a seccomp filter", filter_fine },
	{ "root", "an empty read-only root: no setuid file, device, socket, /proc or /sys", root_fine },
	{ "hostname", "its realm's hostname", hostname_fine },
	{ "limits", "no core dump, locked memory or message queue", limits_fine },
	{ "namespaces", "seven namespaces of its own, one interface, down", namespaces_fine },
};
/* clang-format on */
const unsigned survey_naspects = sizeof(survey_aspects) / sizeof(survey_aspects[0]);
