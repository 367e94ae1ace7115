/* SPDX-License-Identifier: MIT */
/* Procs: rows of root, figures of /proc. Host pids are only ever read about, never signalled. */
#include "tools/writ/procs.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <writ/rights.h>

#include "tools/writ/show.h"

int procs_load(struct cli *c, struct client *cl, const char *realm, struct procs *p)
{
	Writ__Op__Req req = WRIT__OP__REQ__INIT;
	Writ__Op__Proc **v;
	int rc;

	*p = (struct procs){ 0 };
	req.op = WRIT__OP__OP__OP_PROCS;
	req.name = (char *)realm;
	rc = client_pages(c, cl, &req, &p->pages);
	for (size_t i = 0; rc == 0 && i < p->pages.n; i++) {
		const Writ__Op__Rep *rep = p->pages.v[i];

		v = reallocarray(p->v, p->n + rep->n_procs + 1, sizeof(*v));
		if (v == NULL) {
			procs_free(p);
			return cli_fail(c, EX_OSERR, "out of memory");
		}
		p->v = v;
		for (size_t j = 0; j < rep->n_procs; j++)
			v[p->n++] = rep->procs[j];
	}
	return rc;
}

void procs_free(struct procs *p)
{
	free(p->v);
	pages_free(&p->pages);
	*p = (struct procs){ 0 };
}

const Writ__Op__Proc *procs_find(const struct procs *p, uint32_t pid)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i]->pid == pid)
			return p->v[i];
	}
	return NULL;
}

bool proc_is(const Writ__Op__Proc *p, const char *who)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%u", p->pid);
	return strcmp(who, pid) == 0 || strcmp(who, p->name) == 0 ||
	    strcmp(who, p->realm_name) == 0;
}

int procs_need(struct cli *c, const struct procs *p, const char *who)
{
	for (size_t i = 0; i < p->n; i++) {
		if (proc_is(p->v[i], who))
			return 0;
	}
	return cli_fail(c, EX_NOINPUT, "node %s has no proc and no realm \"%s\"", c->node, who);
}

bool proc_ended(const Writ__Op__Proc *p)
{
	return p->state >= WRIT_STATE_EXITED;
}

int proc_status(const Writ__Op__Proc *p)
{
	switch (p->state) {
	case WRIT_STATE_EXITED: return p->code & 0xff;
	case WRIT_STATE_KILLED: return 128 + (p->code & 0x7f);
	case WRIT_STATE_FAILED: return 126;
	default: return 0;
	}
}

char *proc_fate(const Writ__Op__Proc *p, char *buf, size_t size)
{
	const char *state = writ_state_name(p->state), *name = NULL;

	if (p->state == WRIT_STATE_KILLED)
		name = sigabbrev_np(p->code);
	else if (p->state == WRIT_STATE_FAILED)
		name = strerrorname_np(p->code);
	if (name != NULL)
		snprintf(buf, size, "%s %s", state, name);
	else if (proc_ended(p))
		snprintf(buf, size, "%s %d", state, p->code);
	else
		snprintf(buf, size, "%s", state);
	return buf;
}

/* Read /proc/PID/@file into @buf. Returns false when there is no such process. */
static bool host_read(int pid, const char *file, char *buf, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, buf, size - 1);
	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0;
}

void proc_usage(const Writ__Op__Proc *p, uint64_t *ret_memory, uint64_t *ret_cpu_ns)
{
	unsigned long long pages, user, sys;
	const char *after;
	char buf[1024];

	*ret_memory = p->rss_max;
	*ret_cpu_ns = p->cpu_ns;
	if (proc_ended(p) || p->host_pid <= 0)
		return;
	if (host_read(p->host_pid, "statm", buf, sizeof(buf)) &&
	    sscanf(buf, "%*u %llu", &pages) == 1)
		*ret_memory = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	/* the name, in brackets, may hold anything: the fields begin behind the last ')' */
	if (host_read(p->host_pid, "stat", buf, sizeof(buf)) &&
	    (after = strrchr(buf, ')')) != NULL &&
	    sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
		&sys) == 2)
		*ret_cpu_ns = (user + sys) * (1000000000 / (uint64_t)sysconf(_SC_CLK_TCK));
}

uint64_t proc_age(const Writ__Op__Proc *p)
{
	uint64_t end = proc_ended(p) ? p->end_ns : show_clock(CLOCK_BOOTTIME);

	return p->start_ns != 0 && end > p->start_ns ? end - p->start_ns : 0;
}
