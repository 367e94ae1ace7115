/* SPDX-License-Identifier: MIT */
/*
 * Starts writ-kernel as writ-boot does, but with one thing wrong.
 *
 * usage: t-boot list | t-boot KERNEL-FOLDER NODE LOG-FOLDER IMAGE WHAT
 *
 * WHAT is a word of the list, or "nothing", which leaves all right, as does "groups_fake",
 * which takes LOG-FOLDER/v2 and /pids for the cgroups. Linked with --wrap=pwrite, where the
 * finished record passes, and --wrap=capng_apply.
 */
#include <cap-ng.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <writ/rights.h>

#include "tools/boot/group.h"
#include "tools/boot/record.h"

static const char *what;
static struct launch l;

ssize_t __real_pwrite(int fd, const void *buf, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *buf, size_t n, off_t at);
int __real_capng_apply(capng_select_t set);
int __wrap_capng_apply(capng_select_t set);

/* @which is loaded, and there is but @map, which is not what it needs. */
static void layer(struct boot_record *r, enum writ_layer which, enum boot_map map)
{
	l.config.loaded.bits = 1u << which;
	r->maps = 1u << map;
}

#define WRONGS(X) \
	X(magic, r->magic++) \
	X(version, r->version++) \
	X(node_empty, r->node[0] = '\0') \
	X(node_endless, memset(r->node, 'a', sizeof(r->node))) \
	X(node_path, r->node[0] = '/') \
	X(procs_few, r->nprocs = BOOT_PROCS_MIN - 1) \
	X(procs_many, r->nprocs = BOOT_PROCS_MAX + 1) \
	X(memory_none, r->max_memory = 0) \
	X(uid_of_root, r->uid_base = 0) \
	X(uid_between, r->uid_base++) \
	X(uid_past_the_end, r->uid_base = UINT32_MAX - BOOT_UID_REALM + 1) \
	X(no_v2, r->groups &= ~1u) \
	X(files_many, r->nfiles = BOOT_FILES_MAX + 1) \
	X(files_endless, r->nfiles = UINT32_MAX) \
	X(root_past_the_end, r->root = r->nfiles) \
	X(root_is_memory, r->root = 1) \
	X(start_long, r->start_len = sizeof(r->start) + 1) \
	X(start_endless, r->start_len = UINT32_MAX) \
	X(name_empty, r->files[1].name[0] = '\0') \
	X(name_endless, memset(r->files[1].name, 'a', sizeof(r->files[1].name))) \
	X(type_other, r->files[1].type = WRIT_TYPE_CNODE) \
	X(type_past_the_end, r->files[1].type = UINT16_MAX) \
	X(image_writable, r->files[0].rights |= WRIT_R_WRITE) \
	X(memory_with_a_user, r->files[1].uid = r->uid_base) \
	X(memory_executable, r->files[1].rights |= WRIT_R_EXEC) \
	X(memory_is_a_folder, r->files[2].type = WRIT_TYPE_MEMORY) \
	X(host_is_a_file, r->files[1].type = WRIT_TYPE_HOST) \
	X(host_with_no_user, r->files[2].uid = 0) \
	X(host_not_to_grant, r->files[2].rights = WRIT_R_READ) \
	X(host_with_a_realms_user, r->files[2].uid = r->uid_base + BOOT_UID_REALM) \
	X(host_between_users, r->files[2].uid++) \
	X(host_past_the_end, r->files[2].uid += BOOT_UID_REALM) \
	X(calls_without_tasks, layer(r, WRIT_LAYER_EBPF_CALLS, BOOT_POLICY)) \
	X(lsm_without_tasks, layer(r, WRIT_LAYER_EBPF_LSM, BOOT_POLICY)) \
	X(sockets_without_policy, layer(r, WRIT_LAYER_EBPF_SOCKETS, BOOT_TASKS)) \
	X(unix_without_policy, layer(r, WRIT_LAYER_EBPF_UNIX, BOOT_TASKS)) \
	X(held_without_tasks, l.config.layers.bits = 1u << WRIT_LAYER_EBPF_CALLS; r->maps = 0)
#define X(name, act) \
	static void name(struct boot_record *r) \
	{ \
		act; \
	}
WRONGS(X)
#undef X

static const struct {
	const char *name;
	void (*fn)(struct boot_record *r);
} wrongs[] = {
#define X(name, act) { #name, name },
	WRONGS(X)
#undef X
};
static const char *const others[] = { "short", "image_unsealed", "file_closed", "authority",
	"config_none" };

static bool is(const char *word)
{
	return strcmp(what, word) == 0;
}

ssize_t __wrap_pwrite(int fd, const void *buf, size_t n, off_t at)
{
	struct boot_record r;

	if (n != sizeof(r))
		return __real_pwrite(fd, buf, n, at);
	memcpy(&r, buf, sizeof(r));
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++)
		if (is(wrongs[i].name))
			wrongs[i].fn(&r);
	return __real_pwrite(fd, &r, n - (is("short") ? 1 : 0), at) < 0 ? -1 : (ssize_t)n;
}

int __wrap_capng_apply(capng_select_t set)
{
	return is("authority") ? 0 : __real_capng_apply(set);
}

static int list(void)
{
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++)
		puts(wrongs[i].name);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		puts(others[i]);
	return 0;
}

/* Rows: an image, a memory, a folder. */
static bool rows(const char *image)
{
	uint32_t uid = l.record.uid_base + BOOT_UID_NODE - BOOT_UID_REALM;
	bool elf;

	return launch_file(&l,
		   is("image_unsealed") ? open(image, O_RDONLY) : launch_seal(image, &elf),
		   WRIT_TYPE_IMAGE, "root", WRIT_R_EXEC, 0) &&
	    launch_file(&l, is("file_closed") ? -1 : launch_seal("/etc/passwd", &elf),
		WRIT_TYPE_MEMORY, "text", WRIT_R_READ, 0) &&
	    launch_file(&l, open("/", O_RDONLY | O_DIRECTORY), WRIT_TYPE_HOST, "top",
		WRIT_R_READ | WRIT_R_GRANT, uid);
}

/* Folders v2 and pids of @top in the place of the hierarchies. */
static void groups_fake(struct groups *g, const char *top)
{
	static const char *const names[BOOT_GROUP_N] = { [BOOT_V2] = "v2", [BOOT_PIDS] = "pids" };
	int dir = open(top, O_RDONLY | O_DIRECTORY);

	g->v2_has = 0;
	for (int i = 0; i < BOOT_GROUP_N; i++)
		g->node[i] = names[i] != NULL ? openat(dir, names[i], O_RDONLY | O_DIRECTORY) : -1;
	close(dir);
}

int main(int argc, char **argv)
{
	struct groups g;

	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return list();
	if (argc != 6)
		return 1;
	what = argv[5];
	if (is("groups_fake"))
		groups_fake(&g, argv[3]);
	else if (groups_open(&g, argv[2]) < 0)
		return 1;
	launch_init(&l, argv[2], "");
	l.record.nprocs = BOOT_PROCS_MIN;
	l.record.max_memory = 64 << 20;
	l.record.uid_base = 0x70000000;
	l.record.v2_has = g.v2_has;
	l.fds[BOOT_LOGS_FD] = open(argv[3], O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < BOOT_GROUP_N; i++) {
		l.fds[BOOT_GROUP_FD + i] = g.node[i];
		l.record.groups |= g.node[i] >= 0 ? 1u << i : 0;
	}
	if (is("config_none"))
		l.fds[BOOT_CONFIG_FD] = open("/dev/null", O_RDONLY);
	if (!rows(argv[4]))
		return 1;
	launch_exec(&l, argv[1]);
	perror(argv[1]);
	return 1;
}
