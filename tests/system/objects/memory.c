/* SPDX-License-Identifier: MIT */
/* Memory: mapped as its rights say, shared, charged for as long as somebody has it, taken back. */
#include "objects.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MEM = AREA, RO, RW, IDLE, WRITER, BYTES = 8192 };
static const char pattern[] = "what the other wrote";

static _Noreturn void stay(void)
{
	writ_started();
	for (;;)
		nap_ms(1000000);
}

/* Every way to write to what one may only read. Returns the number of the first that worked. */
static int reader(int fd)
{
	const char *p = mmap(NULL, BYTES, PROT_READ, MAP_SHARED, fd, 0);
	char path[32];
	struct stat st;
	int again;

	if (p == MAP_FAILED || strcmp(p, pattern) != 0)
		return 1;
	if (fstat(fd, &st) != 0 || st.st_size != BYTES)
		return 2;
	if (mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED)
		return 3;
	if (mprotect((void *)p, BYTES, PROT_READ | PROT_WRITE) == 0)
		return 4;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR);
	if (again >= 0)
		return 5;
	if (write(fd, "x", 1) > 0)
		return 6;
	return strcmp(p, pattern) != 0 ? 7 : 0;
}

static int writer(int fd)
{
	char *p = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return 1;
	memcpy(p, pattern, sizeof(pattern));
	if (ftruncate(fd, 2 * BYTES) == 0 || ftruncate(fd, 1) == 0)
		return 2;
	stay();
}

int memory_child(const char *mode)
{
	int fd;

	if (strcmp(mode, "mem-idle") == 0)
		stay();
	fd = writ_cap_fd(1);
	if (fd < 0)
		return -fd;
	if (strcmp(mode, "mem-read") == 0)
		return reader(fd);
	if (strcmp(mode, "mem-write") == 0)
		return writer(fd);
	if (writ_cap_delete(1) != 0) /* mem-drop */
		return 1;
	stay();
}

static void test_revoked(void)
{
	struct writ_exit e = { 0 };

	check(writ_cap_revoke(MEM) == 0 && wait_for(WRITER, WRIT_WAIT_EXIT, &e) == 0 &&
		e.state == WRIT_STATE_KILLED && strstr(e.said, "revoked") != NULL,
	    "revoke ends who has it mapped: \"%s\"", e.said);
	nap_ms(100);
	check(stat_of(IDLE).state == WRIT_STATE_RUNNING,
	    "and not who held the capability and took nothing out");
	writ_cap_delete(WRITER);
	writ_cap_delete(IDLE);
}

/* Nobody has a capability any more, and a proc the descriptor. */
static void test_dropped(void)
{
	struct give g[] = { { MEM, 1, WRIT_R_READ } };
	struct writ_quota_rep before, during, after;
	struct writ_exit e;

	writ_quota_read(UT, &before);
	check(writ_retype(UT, WRIT_TYPE_MEMORY, own(MEM), 1,
		  (struct writ_quota){ 1 << 20, 0, 0 }) == 0 &&
		run(IDLE, "mem-drop", g, 1) > 0 && wait_for(IDLE, WRIT_WAIT_START, &e) == 0 &&
		writ_cap_delete(MEM) == 0,
	    "all capabilities to a Memory are deleted, and a proc has it");
	nap_ms(100);
	writ_quota_read(UT, &during);
	check(during.used.bytes >= before.used.bytes + (1 << 20), "it is charged still");
	check(call(WRIT_OP_KILL, IDLE, 0, NULL, 0) == 0 && used_again(UT, &before, &after),
	    "until that proc ends");
	writ_cap_delete(IDLE);
}

void test_memory(void)
{
	struct give ro[] = { { RO, 1, WRIT_R_READ } },
		    rw[] = { { RW, 1, WRIT_R_READ | WRIT_R_WRITE } };
	struct writ_quota_rep before, after;
	struct writ_exit e = { 0 };

	writ_quota_read(UT, &before);
	check(writ_retype(UT, WRIT_TYPE_MEMORY, own(MEM), 1, (struct writ_quota){ BYTES, 0, 0 }) ==
		    0 &&
		writ_cap_copy(MEM, RO, WRIT_R_READ) == 0 &&
		writ_cap_copy(MEM, RW, WRIT_R_READ | WRIT_R_WRITE) == 0,
	    "a Memory, to read and to write");
	check(run(WRITER, "mem-write", rw, 1) > 0 && wait_for(WRITER, WRIT_WAIT_START, &e) == 0 &&
		e.state == WRIT_STATE_RUNNING,
	    "with write it is mapped so, and has the size it was made with (%d)", e.code);
	e = once("mem-read", ro, 1);
	check(e.state == WRIT_STATE_EXITED && e.code == 0,
	    "another proc reads what was written, and finds no way to write (%d)", e.code);
	check(run(IDLE, "mem-idle", rw, 1) > 0 && wait_for(IDLE, WRIT_WAIT_START, &e) == 0,
	    "a third holds it and maps nothing");
	test_revoked();
	check(writ_cap_delete(MEM) == 0 && used_again(UT, &before, &after), "its bytes come back");
	test_dropped();
}
