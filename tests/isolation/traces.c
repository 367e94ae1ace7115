/* SPDX-License-Identifier: MIT */
/* See traces.h. */
#include "traces.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"
#include "node.h"

#define UID TRACES_UID

static int kmsg = -1;

static const struct {
	const char *realm, *name;
} who[OTHERS_N] = { { "root", "root" }, { "schedd", "schedd" }, { "named-watch", "named" },
	{ "ux-lent", "ux" }, { "watch", "watch" } };

/* New lines in the log of Linux that say something is wrong with it. */
static unsigned kernel_complaints(char *first, size_t size)
{
	static const char *const words[] = { "WARNING: ", "BUG: ", "Oops", "kernel BUG at",
		"UBSAN: ", "unable to handle", "refcount_t: " };
	char line[2048];
	unsigned n = 0;
	ssize_t len;

	while ((len = read(kmsg, line, sizeof(line) - 1)) > 0 || (len < 0 && errno == EPIPE)) {
		line[len > 0 ? len : 0] = '\0';
		for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			const char *at = strstr(line, words[i]);

			if (at == NULL)
				continue;
			if (n++ == 0)
				snprintf(first, size, "%.*s", (int)strcspn(at, "\n"), at);
			break;
		}
	}
	return n;
}

static unsigned files;

static int file_visit(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)kind;
	(void)where;
	if (st->st_uid == UID) {
		printf("# a file of its own outside: %s\n", path);
		files++;
	}
	return 0;
}

/* Files of theirs, where anybody may make some. */
static unsigned files_outside(void)
{
	static const char *const places[] = { "/tmp", "/var/tmp", "/dev", "/run", "/var/lock",
		"/var/crash", "/var/spool", "/mnt" };

	files = 0;
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		nftw(places[i], file_visit, 16, FTW_PHYS);
	return files;
}

/* Processes with their user id, but for zombies. */
static unsigned processes_left(void)
{
	DIR *d = opendir("/proc");
	const struct dirent *e;
	unsigned n = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		pid_t pid = atoi(e->d_name);
		const char *uid = pid > 0 ? harness_proc(pid, "status", "Uid") : NULL;

		n += uid != NULL && atoi(uid) == UID && harness_alive(pid);
	}
	if (d != NULL)
		closedir(d);
	return n;
}

struct others others_now(void)
{
	struct others o = { .kernel = node_kernel(), .peer = subject_peer() };

	for (unsigned i = 0; i < OTHERS_N; i++) {
		struct node_proc p = { 0 };

		if (node_await(who[i].realm, who[i].name, 0, &p))
			o.procs[i] = p.host_pid;
	}
	return o;
}

struct traces traces_now(const struct others *before)
{
	struct traces t = { .files = files_outside(), .processes = processes_left() };
	struct others now = others_now();

	t.complaints = kernel_complaints(t.complaint, sizeof(t.complaint));
	if (now.kernel != before->kernel || !harness_alive(now.kernel))
		snprintf(t.gone, sizeof(t.gone), "the kernel");
	else if (!harness_alive(now.peer))
		snprintf(t.gone, sizeof(t.gone), "a process beside");
	for (unsigned i = 0; i < OTHERS_N && t.gone[0] == '\0'; i++)
		if (now.procs[i] == 0 || now.procs[i] != before->procs[i])
			snprintf(t.gone, sizeof(t.gone), "%s", who[i].name);
	return t;
}

/* --- controls: each thing that is looked for is found when it is there --- */

static void control_file(void)
{
	char path[64];
	unsigned n;
	pid_t pid;

	snprintf(path, sizeof(path), "/tmp/writ-isolation-%d-file", (int)getpid());
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(setresgid(UID, UID, UID) < 0 || setresuid(UID, UID, UID) < 0 ||
		    open(path, O_CREAT | O_WRONLY | O_EXCL | O_CLOEXEC, 0600) < 0);
	waitpid(pid, NULL, 0);
	n = files_outside();
	unlink(path);
	engine_say("adversaries", "control: a file of theirs outside is found", n == 1, "%u found",
	    n);
}

static void control_process(void)
{
	struct others before = others_now();
	struct traces fine = traces_now(&before), bad;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (setresuid(UID, UID, UID) < 0)
			_exit(1);
		pause();
		_exit(0);
	}
	for (int i = 0; i < harness_ms(1000) && processes_left() == 0; i++)
		usleep(1000);
	before.procs[OTHERS_N - 1]++; /* as if another had been there */
	bad = traces_now(&before);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	engine_say("adversaries", "control: who is left, and who is gone, is found",
	    fine.processes == 0 && fine.gone[0] == '\0' && bad.processes == 1 &&
		bad.gone[0] != '\0',
	    "%u left, %s gone", bad.processes, bad.gone);
}

static void control_complaint(void)
{
	static const char text[] = "<4>writ-isolation: control: WARNING: none\n";
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	char first[160] = "";
	bool said = fd >= 0 && write(fd, text, sizeof(text) - 1) > 0;

	if (fd >= 0)
		close(fd);
	engine_say("adversaries", "control: a warning of Linux is found",
	    said && kernel_complaints(first, sizeof(first)) == 1, "%s", first);
}

void traces_controls(void)
{
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg < 0 || lseek(kmsg, 0, SEEK_END) < 0)
		harness_fail("/dev/kmsg: %s", strerror(errno));
	control_file();
	control_process();
	control_complaint();
}
