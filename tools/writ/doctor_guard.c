/* SPDX-License-Identifier: MIT */
/*
 * writ doctor: the eBPF layers. What a node would load is loaded and attached, to a
 * group of the doctor's own and pinned nowhere, and must stop a process that is
 * made known to it. Other nodes' programs know nothing of that process.
 */
#include "tools/writ/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "tools/boot/guard.h"
#include "tools/writ/layers.h"

#define BPFFS "/sys/fs/bpf"

/* All are loaded once and tried one after the other. */
static struct {
	bool done;
	uint32_t work;
	struct finding f[WRIT_LAYER_N]; /* of those that don't */
} tried;

static void layers_try(void)
{
	struct finding f;
	static struct guard g;
	char group[512];
	bool v2;
	int fd = -1;

	tried.done = true;
	if (doctor_group_make(&f, NULL, group, sizeof(group), &v2) == 0) {
		fd = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			finding_fail(&f, errno, "%s", group);
	}
	for (unsigned i = 0; i < WRIT_LAYER_N && fd < 0; i++)
		tried.f[i] = f;
	if (fd < 0)
		return;
	guard_load(&g, LAYERS_ALL, fd, GUARD_ENFORCE);
	guard_try(&g, fd);
	tried.work = g.layers;
	for (unsigned i = 0; i < WRIT_LAYER_N; i++)
		finding_fail(&tried.f[i], 0, "%s", g.why[i]);
	guard_close(&g);
	close(fd);
	doctor_group_remove(group);
}

static const struct layer {
	enum writ_layer layer;
	const char *shown; /* when it works */
} calls = { WRIT_LAYER_EBPF_CALLS, "a process that makes a call outside its profile is ended" },
  sockets = { WRIT_LAYER_EBPF_SOCKETS, "a realm's group is refused sockets" },
  to_unix = { WRIT_LAYER_EBPF_UNIX, "a realm's group is refused addresses" },
  lsm = { WRIT_LAYER_EBPF_LSM, "a proc is refused an object" },
  telemetry = { WRIT_LAYER_TELEMETRY, "programs and maps load and attach" };

static int probe_layer(struct finding *f, const void *arg)
{
	const struct layer *l = arg;

	if (!tried.done)
		layers_try();
	*f = tried.f[l->layer];
	return (tried.work >> l->layer & 1) != 0 ? finding_ok(f, "%s", l->shown) : -1;
}

/* --- what they need ----------------------------------------------------------------------------
 */

static int probe_bpffs(struct finding *f, const void *arg)
{
	char path[64];
	struct statfs st;

	(void)arg;
	if (statfs(BPFFS, &st) < 0)
		return finding_fail(f, errno, BPFFS);
	if ((unsigned long)st.f_type != BPF_FS_MAGIC)
		return finding_fail(f, 0, "bpffs is not mounted at " BPFFS " (`writ up' tries to)");
	snprintf(path, sizeof(path), BPFFS "/writ-doctor-%d", (int)getpid());
	if (mkdir(path, 0700) < 0 || rmdir(path) < 0)
		return finding_fail(f, errno, "making a folder in " BPFFS);
	return finding_ok(f, "mounted at " BPFFS ", a folder can be made");
}

/* "none [integrity] confidentiality" -> "integrity" */
static int probe_lockdown(struct finding *f, const void *arg)
{
	char line[128] = "", mode[32] = "";
	FILE *file = fopen("/sys/kernel/security/lockdown", "re");

	(void)arg;
	if (file == NULL)
		return finding_ok(f, "not told (securityfs is not mounted, or there is none)");
	if (fgets(line, sizeof(line), file) == NULL || sscanf(line, "%*[^[][%31[^]]", mode) != 1)
		sscanf(line, "[%31[^]]", mode);
	fclose(file);
	if (strcmp(mode, "confidentiality") == 0)
		return finding_fail(f, 0, "confidentiality: eBPF may not read the kernel's memory");
	return finding_ok(f, "%s", mode[0] != '\0' ? mode : "none");
}

const struct probe doctor_guard[] = {
	{ "ebpf_calls", "eBPF on system calls", false, "no second line behind seccomp", probe_layer,
	    &calls },
	{ "ebpf_sockets", "eBPF on sockets", false, "no second line behind the network namespace",
	    probe_layer, &sockets },
	{ "ebpf_unix", "eBPF on unix addresses", false,
	    "a server can connect to any socket that it can name", probe_layer, &to_unix },
	{ "ebpf_lsm", "eBPF on LSM hooks", false,
	    "no third line behind the filter and the namespaces", probe_layer, &lsm },
	{ "telemetry", "eBPF telemetry", false, "nothing is counted", probe_layer, &telemetry },
	{ "bpffs", "bpffs", false, "no layer of eBPF: all are pinned there", probe_bpffs, NULL },
	{ "lockdown", "kernel lockdown", false,
	    "eBPF programs that look into the kernel can't be loaded", probe_lockdown, NULL },
	{ 0 },
};
