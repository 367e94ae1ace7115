/* SPDX-License-Identifier: MIT */
/*
 * writ doctor: the eBPF layers. What a node would load is loaded and attached, to a
 * group of the doctor's own and pinned nowhere, and must stop a process that is
 * made known to it. Other nodes' programs know nothing of that process.
 */
#include "tools/writ/doctor.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "tools/boot/guard.h"
#include "tools/writ/layers.h"

#define BPFFS "/sys/fs/bpf"

/* What a node would have, while it is tried. */
struct stage {
	struct guard g;
	char group[512];
	uint64_t id; /* of the group */
};

/* What was found, by layer: all are loaded once and tried one after the other. */
static struct {
	bool done, works[WRIT_LAYER_N];
	struct finding f[WRIT_LAYER_N];
} tried;

/* --- in a child ------------------------------------------------------------------------------ */

/* From here on the caller is a proc of @profile that runs. */
static int become_proc(const struct stage *s, struct finding *f, enum writ_profile profile)
{
	struct guard_task t = { .generation = GUARD_UNKNOWN,
		.phase = GUARD_RUN,
		.profile = (uint8_t)profile };
	int me = pidfd_open(getpid(), 0);

	if (me < 0 || bpf_map_update_elem(guard_map(&s->g, "tasks"), &me, &t, BPF_ANY) < 0)
		return finding_fail(f, errno, "noting a process");
	return 0;
}

/* From here on the caller is of a realm that may make sockets of @families. */
static int become_realm(const struct stage *s, struct finding *f, uint64_t families)
{
	struct guard_policy p = { .families = families, .name = "doctor" };
	int r;

	if (bpf_map_update_elem(guard_map(&s->g, "policy"), &s->id, &p, BPF_ANY) < 0)
		return finding_fail(f, errno, "noting a realm");
	r = doctor_group_enter(s->group);
	return r == 0 ? 0 : finding_fail(f, -r, "entering a group");
}

static int calls_child(struct finding *f, void *arg)
{
	if (syscall(SYS_getpriority, 0, 0) < 0)
		return finding_fail(f, errno, "getpriority() is refused to everybody");
	if (become_proc(arg, f, WRIT_PROFILE_NATIVE) < 0)
		return -1;
	syscall(SYS_getpriority, 0, 0);
	return finding_fail(f, 0, "a call outside the profile ends nobody");
}

static int sockets_child(struct finding *f, void *arg)
{
	if (become_realm(arg, f, 0) < 0)
		return -1;
	if (socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0 || errno != EPERM)
		return finding_fail(f, 0, "the programs refuse nothing");
	return finding_ok(f, "a realm's group is refused sockets");
}

static int unix_child(struct finding *f, void *arg)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX, .sun_path = "/nonexistent/writ-doctor" };
	int fd;

	if (become_realm(arg, f, 1u << AF_UNIX) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return finding_fail(f, errno, "a socket");
	if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0 || errno != EPERM)
		return finding_fail(f, 0, "the programs refuse nothing");
	return finding_ok(f, "a realm's group is refused addresses");
}

/* The profile has the call; that it wants another family only the object shows. */
static int lsm_child(struct finding *f, void *arg)
{
	if (become_proc(arg, f, WRIT_PROFILE_SERVER) < 0)
		return -1;
	if (socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0 || errno != EPERM)
		return finding_fail(f, 0, "the programs refuse nothing");
	return finding_ok(f, "a proc is refused an object");
}

/* --- the layers ---------------------------------------------------------------------------------
 */

static const struct attempt {
	enum writ_layer layer;
	int (*fn)(struct finding *f, void *arg); /* NULL: being attached is all */
} attempts[] = {
	{ WRIT_LAYER_EBPF_CALLS, calls_child },
	{ WRIT_LAYER_EBPF_SOCKETS, sockets_child },
	{ WRIT_LAYER_EBPF_UNIX, unix_child },
	{ WRIT_LAYER_EBPF_LSM, lsm_child },
	{ WRIT_LAYER_TELEMETRY, NULL },
};

static bool attempt_make(struct stage *s, const struct attempt *a, struct finding *f)
{
	struct trial t = { .fn = a->fn, .arg = s };

	if ((s->g.layers >> a->layer & 1) == 0)
		return finding_fail(f, 0, "%s", s->g.why[a->layer]) == 0;
	if (a->fn == NULL)
		return finding_ok(f, "programs and maps load and attach") == 0;
	if (trial_run(&t, f) == 0)
		return true;
	return a->layer == WRIT_LAYER_EBPF_CALLS && t.signal == SIGKILL &&
	    finding_ok(f, "a process that makes a call outside its profile is ended") == 0;
}

static void attempts_make(void)
{
	static struct stage s;
	struct finding f;
	struct stat st;
	bool v2;
	int fd = -1;

	tried.done = true;
	if (doctor_group_make(&f, NULL, s.group, sizeof(s.group), &v2) == 0) {
		fd = open(s.group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st) < 0)
			finding_fail(&f, errno, "%s", s.group);
	}
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]) && fd < 0; i++)
		tried.f[attempts[i].layer] = f;
	if (fd < 0)
		return;
	s.id = st.st_ino;
	guard_load(&s.g, LAYERS_ALL, fd, GUARD_ENFORCE);
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		enum writ_layer layer = attempts[i].layer;

		tried.works[layer] = attempt_make(&s, &attempts[i], &tried.f[layer]);
	}
	guard_close(&s.g);
	close(fd);
	doctor_group_remove(s.group);
}

static int probe_layer(struct finding *f, const void *arg)
{
	const enum writ_layer *layer = arg;

	if (!tried.done)
		attempts_make();
	*f = tried.f[*layer];
	return tried.works[*layer] ? 0 : -1;
}

/* --- what they need ----------------------------------------------------------------------------
 */

static int probe_bpffs(struct finding *f, const void *arg)
{
	struct statfs st;

	(void)arg;
	if (statfs(BPFFS, &st) < 0)
		return finding_fail(f, errno, BPFFS);
	if ((unsigned long)st.f_type == BPF_FS_MAGIC)
		return finding_ok(f, "mounted at " BPFFS);
	return finding_fail(f, 0, "bpffs is not mounted at " BPFFS " (`writ up' tries to)");
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

static const enum writ_layer calls = WRIT_LAYER_EBPF_CALLS, sockets = WRIT_LAYER_EBPF_SOCKETS,
			     to_unix = WRIT_LAYER_EBPF_UNIX, lsm = WRIT_LAYER_EBPF_LSM,
			     telemetry = WRIT_LAYER_TELEMETRY;

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
	{ "bpffs", "bpffs", false, "eBPF layers can't outlive the kernel", probe_bpffs, NULL },
	{ "lockdown", "kernel lockdown", false,
	    "eBPF programs that look into the kernel can't be loaded", probe_lockdown, NULL },
	{ 0 },
};
