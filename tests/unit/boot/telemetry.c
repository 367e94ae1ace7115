// SPDX-License-Identifier: MIT
#include "tests/unit/boot/telemetry.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "bpf/sched.skel.h"

enum { LINKS_MAX = 8 };
struct telemetry {
	struct bpf_object *obj;
	struct bpf_link *links[LINKS_MAX];
	unsigned nlinks;
};

struct telemetry *telemetry_new(void)
{
	struct telemetry *t = calloc(1, sizeof(*t));
	size_t size;
	const void *bytes = sched_bpf__elf_bytes(&size);

	if (t == NULL)
		return NULL;
	t->obj = bpf_object__open_mem(bytes, size, NULL);
	if (t->obj == NULL || bpf_object__load(t->obj) != 0) {
		telemetry_free(t);
		return NULL;
	}
	return t;
}

void telemetry_free(struct telemetry *t)
{
	if (t == NULL)
		return;
	telemetry_off(t);
	bpf_object__close(t->obj);
	free(t);
}

/* Attach the programs whose names begin so. */
static int attach(struct telemetry *t, const char *begin)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, t->obj)
	{
		struct bpf_link *link;

		if (strncmp(bpf_program__name(p), begin, strlen(begin)) != 0)
			continue;
		link = t->nlinks < LINKS_MAX ? bpf_program__attach(p) : NULL;
		if (link == NULL)
			return -1;
		t->links[t->nlinks++] = link;
	}
	return 0;
}

int telemetry_on(struct telemetry *t)
{
	return attach(t, "sched_");
}

int telemetry_calls(struct telemetry *t)
{
	return attach(t, "trace_calls");
}

void telemetry_off(struct telemetry *t)
{
	while (t->nlinks > 0)
		bpf_link__destroy(t->links[--t->nlinks]);
}

int telemetry_manage(struct telemetry *t, pid_t host, uint32_t pid, uint32_t realm,
    enum writ_class class)
{
	struct guard_label label = { .pid = pid,
		.realm = realm,
		.class = (uint8_t) class,
		.name = "tested" };
	int fd = (int)syscall(SYS_pidfd_open, host, 0);
	int r = fd < 0 ? -1 : bpf_map_update_elem(telemetry_map(t, "labels"), &fd, &label, BPF_ANY);

	if (fd >= 0)
		close(fd);
	return r == 0 ? telemetry_fresh(t) : -1;
}

int telemetry_fresh(struct telemetry *t)
{
	struct bpf_link *link =
	    bpf_program__attach_iter(bpf_object__find_program_by_name(t->obj, "iter_fresh"), NULL);
	int fd = link != NULL ? bpf_iter_create(bpf_link__fd(link)) : -1;
	ssize_t n = -1;
	char buf[256];

	if (fd >= 0) {
		do
			n = read(fd, buf, sizeof(buf));
		while (n > 0 || (n < 0 && errno == EAGAIN));
		close(fd);
	}
	bpf_link__destroy(link);
	return n == 0 ? 0 : -1;
}

void telemetry_trace(struct telemetry *t, uint32_t bits)
{
	struct sched_trace row = { bits };
	uint32_t first = 0;

	bpf_map_update_elem(telemetry_map(t, "trace"), &first, &row, BPF_ANY);
}

int telemetry_map(const struct telemetry *t, const char *name)
{
	return bpf_object__find_map_fd_by_name(t->obj, name);
}
