/* SPDX-License-Identifier: MIT */
/*
 * A tenant's image, and a hostile realm beside it: what one gets of the other, and
 * how a bystander fares while the hostile one takes all that it can get.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "engine.h"
#include "node.h"
#include "spin.h"

#define WORST_MS 1000 /* that the bystander may wait while it is attacked */

static char actor[512], evil_args[96];

static const char *actor_path(void)
{
	ssize_t n = readlink("/proc/self/exe", actor, sizeof(actor) - 32);

	actor[n > 0 ? n : 0] = '\0';
	snprintf(strrchr(actor, '/') + 1, 32, "isolation-actor");
	return actor;
}

/* Small limits, so that it reaches them; procs of its own to start. */
static bool evil_run(const char *what, unsigned long arg)
{
	snprintf(evil_args, sizeof(evil_args), arg != 0 ? "[%s, \"%lu\"]" : "[%s]", what, arg);
	return node_run("evil", actor_path(), evil_args,
	    "    limits: {memory: 16MiB, log: 64KiB}\n    grants:\n"
	    "      - {path: /out, rights: [read, write, create]}\n"
	    "      - {spawn: more, procs: 8, memory: 64MiB}\n"
	    "      - {image: actor}\n");
}

/* --- exhaustion --- */

/* What "got N" in its log says; -1 until it says so. */
static long has_got(const struct node_proc *p)
{
	const char *text = strstr(node_log(p), "got ");

	return text != NULL ? atol(text + 4) : -1;
}

static long log_size(const struct node_proc *p)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "/var/log/writ/%s/%u.log", harness_node(), p->log);
	return stat(path, &st) == 0 ? (long)st.st_size : -1;
}

static const struct kind {
	const char *what, *of;
	long least, most; /* of what it gets; -1: it doesn't say */
} kinds[] = {
	{ "processes", "processes", 0, 0 },
	{ "threads", "threads", 0, 0 },
	{ "procs", "procs", 1, 8 },
	{ "memory", "MiB", 1, 16 },
	{ "descriptors", "descriptors", 1, NEST_PROC_FDS },
	{ "log", "bytes of log", 4096, 65536 },
	{ "cpu", "all that is left", -1, -1 },
	{ "gate", "answers without end", -1, -1 },
};

/* Has it taken what it gets by now? */
static bool is_at_it(const struct kind *k, const struct node_proc *p, long *ret_got)
{
	bool begins = strstr(node_log(p), "begins") != NULL;

	*ret_got = strcmp(k->what, "log") == 0 ? log_size(p) : has_got(p);
	return begins && (k->most < 0 || *ret_got >= k->least);
}

/* Who tries what its profile has no use for may be ended for it, where there is eBPF. */
static bool is_killed(const struct kind *k, struct node_proc *p)
{
	return k->most == 0 && node_find("evil", "evil", p) && strcmp(p->state, "killed") == 0;
}

static void exhaust(const struct kind *k)
{
	struct node_proc p = { 0 };
	char what[48], name[96], got_text[48];
	struct watch w;
	bool ran, killed, fine;
	long got = 0;

	snprintf(what, sizeof(what), "attack, %s", k->what);
	snprintf(name, sizeof(name), "it takes what it gets: %s", k->what);
	ran = evil_run(what, 0) && node_find("evil", "evil", &p);
	watch_begin();
	for (int ms = harness_ms(10000);
	     ran && ms > 0 && !is_at_it(k, &p, &got) && !is_killed(k, &p); ms -= 100)
		usleep(100000);
	usleep(1000 * (unsigned)harness_while(500));
	w = watch_end();
	killed = ran && is_killed(k, &p);
	fine = killed ||
	    (ran && is_at_it(k, &p, &got) && (k->most < 0 || got <= k->most) &&
		node_find("evil", "evil", &p) && strcmp(p.state, "running") == 0);
	snprintf(got_text, sizeof(got_text), "%ld ", killed ? 0 : got);
	engine_say("hostile", name,
	    fine && node_runs() && w.lost == 0 && w.rounds > 0 && w.worst_ms < harness_ms(WORST_MS),
	    "got %s%s%s; the bystander made %u rounds, the longest %.1f ms, %u refused",
	    k->most < 0 ? "" : got_text, k->of, killed ? ", and was killed" : "", w.rounds,
	    w.worst_ms, w.lost);
	node_stop("evil");
}

/* Would a bystander that is kept waiting be seen? */
static void exhaust_control(void)
{
	struct watch w;

	watch_begin();
	usleep(200000);
	kill(node_kernel(), SIGSTOP);
	usleep(1000 * (unsigned)harness_ms(WORST_MS) + 200000);
	kill(node_kernel(), SIGCONT);
	usleep(300000);
	w = watch_end();
	engine_say("hostile", "control: a kernel that doesn't answer is noticed",
	    w.worst_ms > harness_ms(WORST_MS), "the longest round took %.1f ms", w.worst_ms);
}

/* --- requests at random, capabilities at random --- */

static unsigned descriptors(pid_t pid)
{
	DIR *d = opendir(survey_path(pid, "fd"));
	unsigned n = 0;

	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		closedir(d);
	return n;
}

/* Also with descriptors, and with bursts whose answers it doesn't read. */
static void fuzz(void)
{
	unsigned before = descriptors(node_kernel()), during = 0, after = 0, runs = 0;
	unsigned long seed = engine_seed() & 0xffffff;
	struct node_proc p = { 0 };
	struct watch w;

	watch_begin();
	for (unsigned i = 0; i < 3; i++) {
		runs += evil_run("fuzz", seed + i + 1) && node_find("evil", "evil", &p);
		during = during > descriptors(node_kernel()) ? during : descriptors(node_kernel());
		usleep(1000 * (unsigned)harness_while(1000));
		node_stop("evil");
	}
	for (int i = 0; i < 50 && (after = descriptors(node_kernel())) > before; i++)
		usleep(100000);
	w = watch_end();
	engine_say("hostile", "requests at random to the kernel, descriptors among them",
	    runs == 3 && node_runs() && w.lost == 0 && w.rounds > 0,
	    "WRIT_SEED=%lu; the bystander made %u rounds, the longest %.1f ms, %u refused", seed,
	    w.rounds, w.worst_ms, w.lost);
	engine_say("hostile", "the kernel keeps none of the descriptors",
	    after <= before && during > before, "%u before, %u while it ran, %u after", before,
	    during, after);
}

static void guess(void)
{
	struct node_proc p = { 0 };
	unsigned hits = 0, of = 0, strange = 1, slots = 0, n = 0;
	char what[32];
	const char *text = "", *line = NULL;

	snprintf(what, sizeof(what), "guess, \"%d\"", harness_ms(1));
	if (evil_run(what, engine_seed() & 0xffffff) && node_await("evil", "evil", 0, &p))
		for (int ms = harness_ms(15000); ms > 0 && line == NULL; ms -= 50) {
			usleep(50000);
			text = node_log(&p);
			line = strstr(text, "guessed: ");
		}
	if (line != NULL &&
	    sscanf(line, "guessed: %u of %u answered, %u%*[^;]; of %u", &hits, &of, &strange,
		&slots) != 4)
		line = NULL;
	for (const char *s = strstr(text, "slots:"); s != NULL && s < line; s++)
		n += *s == ' ';
	engine_say("hostile", "capabilities at random: nothing but what it was given answers",
	    line != NULL && strange == 0 && n == 3,
	    "%u of %u slots answer, 3 were granted; of %u addresses %u, %u not its own", n, slots,
	    of, hits, strange);
	node_stop("evil");
}

void run_hostile(void)
{
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		exhaust(&kinds[i]);
	exhaust_control();
	fuzz();
	guess();
}

/* --- the tenant --- */

/* A neighbour's proc, taken over, against process @pid. */
static void attack_from_beside(pid_t pid)
{
	struct node_proc p = { 0 };
	struct subject s;

	if (!evil_run("idle", 0) || !node_await("evil", "evil", 0, &p) ||
	    subject_adopt(&s, "neighbour", p.profile, p.host_pid) != 0) {
		engine_say("neighbour", "it can be taken over", false, "realm evil");
		return;
	}
	subject_peer_set(pid);
	engine_run_neighbour(&s, pid);
	subject_peer_set(0);
	subject_free(&s);
	node_stop("evil");
}

/* How the image ends when nobody touches it, or that it runs: to be the same under attack. */
static void fate(const struct node_proc *p, char *buf, size_t size)
{
	snprintf(buf, size, "%s %d", p->state, p->code);
}

static void settle(const char *realm, char *buf, size_t size)
{
	struct node_proc p = { .state = "gone" };

	for (int ms = harness_ms(1000); ms > 0; ms -= 100) {
		if (node_find(realm, realm, &p) && strcmp(p.state, "running") != 0 &&
		    strcmp(p.state, "pending") != 0 && strcmp(p.state, "starting") != 0)
			break;
		usleep(100000);
	}
	fate(&p, buf, size);
}

static char name[64]; /* the image's, as far as it is fit for a line of TAP */
static char whole[96], copy[96];
static uint64_t code; /* at its entry, where the copy spins */

static void run_native(void (*all)(struct subject *s))
{
	struct node_proc p = { 0 };
	struct subject s;
	char alone[48] = "", attacked[48] = "";

	if (!node_run("alone", whole, "[]", "") || !node_run("tenant", copy, "[]", "") ||
	    !node_await("tenant", "tenant", 0, &p)) {
		engine_say(name, "it can be run", false, "as a realm of one proc");
		return;
	}
	settle("alone", alone, sizeof(alone));
	node_stop("alone");
	if (subject_adopt(&s, name, p.profile, p.host_pid) != 0) {
		engine_say(name, "it can be taken over", false, "pid %d", (int)p.host_pid);
		return;
	}
	s.want.realm = "tenant";
	puppet_mend(&s.puppet, code);
	all(&s);
	attack_from_beside(p.host_pid);
	subject_free(&s);
	run_hostile();
	settle("tenant", attacked, sizeof(attacked));
	engine_say(name, "it fares as it does alone", strcmp(alone, attacked) == 0,
	    "alone: %s; beside a hostile realm: %s", alone, attacked);
	node_stop("tenant");
}

static void name_take(const char *path)
{
	const char *slash = strrchr(path, '/');

	snprintf(name, sizeof(name), "%s", slash != NULL ? slash + 1 : path);
	for (char *c = name; *c != '\0'; c++)
		if (*c < ' ' || *c > '~' || *c == '#') /* what follows # can excuse a failure */
			*c = '?';
}

int tenant_read(const char *path)
{
	char dir[64];
	int r;

	harness_folder(dir, sizeof(dir));
	snprintf(whole, sizeof(whole), "%s/whole", dir);
	snprintf(copy, sizeof(copy), "%s/image", dir);
	name_take(path);
	r = spin_copy(path, whole, copy, &code);
	if (r == 0)
		return 0;
	fprintf(stderr, "writ-isolation: %s: %s\n", path,
	    r == -ENOEXEC ? "no static program for x86-64" : strerror(-r));
	return r == -ENOEXEC ? EX_DATAERR : r == -ENOENT || r == -EACCES ? EX_NOINPUT : EX_OSERR;
}

void run_tenant(unsigned profile, void (*all)(struct subject *s))
{
	int fd;

	if (profile == WRIT_PROFILE_NATIVE) {
		run_native(all);
	} else {
		struct subject s;

		fd = harness_image_at(copy);
		s = subject_image(profile, fd);
		close(fd);
		s.name = name;
		puppet_mend(&s.puppet, code);
		all(&s);
		subject_free(&s);
	}
}
