/* SPDX-License-Identifier: MIT */
/* writ-isolation: see engine.h. `writ test-isolation` runs it. */
#include <argp.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"
#include "node.h"

#define CASES_MAX 320

static struct {
	const char *junit, *without, *image, *adversaries;
	unsigned profiles;
} opt;

/* --- failures --- */

static jmp_buf *guard;
static char failure[512];

void harness_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(failure, sizeof(failure), fmt, ap);
	va_end(ap);
	if (guard != NULL)
		longjmp(*guard, 1);
	fprintf(stderr, "writ-isolation: %s\n", failure);
	exit(EX_OSERR);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- findings --- */

void finding_note(struct finding *f, const char *what, int64_t ret, int reached)
{
	int error = ret < 0 ? (int)-ret : 0;

	f->tried++;
	if (error == 0 || error == reached) {
		if (f->through++ == 0)
			snprintf(f->text, sizeof(f->text), "%s: %s", what,
			    error != 0 ? strerrorname_np(error) : "done");
		return;
	}
	for (unsigned i = 0; i < sizeof(f->refused) / sizeof(f->refused[0]); i++) {
		if (f->refused[i].n != 0 && f->refused[i].error != error)
			continue;
		f->refused[i].error = error;
		f->refused[i].n++;
		break;
	}
}

/* By which errors, as in "EBADRQC 3, ENOSYS". ECANCELED is ours: it died, or looks as it should. */
static const char *refusals(const struct finding *f, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < sizeof(f->refused) / sizeof(f->refused[0]); i++) {
		const char *name = strerrorname_np(f->refused[i].error);

		if (f->refused[i].n == 0 || f->refused[i].error == ECANCELED || len >= size)
			continue;
		len += (size_t)snprintf(buf + len, size - len, "%s%s", len > 0 ? ", " : "",
		    name != NULL ? name : "?");
		if (f->refused[i].n > 1 && len < size)
			len += (size_t)snprintf(buf + len, size - len, " %u", f->refused[i].n);
	}
	return buf;
}

/* --- controls --- */

/* Subjects for controls, one a profile and list of steps, kept while they are fit. */
struct spare {
	const char *without;
	unsigned profile;
	bool there;
	struct subject s;
};
static struct spare spares[32];

static struct subject *control_subject(const char *without, unsigned profile)
{
	struct spare *free_one = NULL;

	for (unsigned i = 0; i < sizeof(spares) / sizeof(spares[0]); i++) {
		struct spare *p = &spares[i];

		if (p->there && p->profile == profile && strcmp(p->without, without) == 0)
			return &p->s;
		if (!p->there && free_one == NULL)
			free_one = p;
	}
	if (free_one == NULL)
		harness_fail("too many controls");
	free_one->s = strcmp(without, BARE) == 0 ? subject_bare() : subject_nest(profile, without);
	free_one->s.name = "control";
	free_one->s.profile = profile;
	free_one->without = without;
	free_one->profile = profile;
	free_one->there = true;
	return &free_one->s;
}

static void controls_free(const struct subject *only)
{
	for (unsigned i = 0; i < sizeof(spares) / sizeof(spares[0]); i++) {
		struct spare *p = &spares[i];

		if (!p->there || (only != NULL && only != &p->s))
			continue;
		subject_free(&p->s);
		p->there = false;
	}
}

/* Results of controls: a case is tried once a profile without its layers. */
struct control {
	const struct icase *c;
	unsigned profile;
	bool works;
	char text[320];
};
static struct control controls[3 * CASES_MAX];
static unsigned ncontrols;

/* That Linux itself answers, as someone without the filter may see. */
static bool is_answered(const struct finding *f)
{
	for (unsigned i = 0; i < sizeof(f->refused) / sizeof(f->refused[0]); i++)
		if (f->refused[i].n > 0 && f->refused[i].error == FILTER_ERRNO)
			return false;
	return f->tried > 0;
}

static void control_try(const struct icase *c, struct control *k)
{
	struct subject *s = control_subject(c->without, k->profile);
	struct finding f = { 0 };
	char why[96];

	c->attempt(s, c, &f);
	k->works = f.through > 0 || ((c->flags & CASE_ANSWERED) && is_answered(&f));
	snprintf(k->text, sizeof(k->text), "without %s %s%s", c->without,
	    f.through > 0  ? f.text
		: k->works ? "Linux answers "
			   : "nothing gets through either: ",
	    f.through > 0 ? "" : refusals(&f, why, sizeof(why)));
	if ((c->flags & CASE_BREAKS) || s->puppet.dead)
		controls_free(s);
}

static const struct control *control_of(const struct icase *c, unsigned profile)
{
	struct control *k = controls;

	while (k < controls + ncontrols && (k->c != c || k->profile != profile))
		k++;
	if (k < controls + ncontrols)
		return k;
	if (ncontrols == sizeof(controls) / sizeof(controls[0]))
		harness_fail("too many controls");
	ncontrols++;
	*k = (struct control){ .c = c, .profile = profile };
	control_try(c, k);
	return k;
}

/* --- cases --- */

void engine_say(const char *suite, const char *name, bool ok, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	report_case(suite, name, ok, 0, text);
}

static bool fresh(struct subject *s)
{
	if (!s->puppet.dead && !s->changed)
		return true;
	return s->renew != NULL && s->renew(s);
}

static void run_one(struct subject *s, const struct icase *c)
{
	const struct control *k;
	struct finding f = { 0 };
	char text[512], why[96];
	double start = now();
	jmp_buf here, *before = guard;
	bool ok;

	if (setjmp(here) != 0) {
		guard = before;
		report_case(s->name, c->name, false, now() - start, failure);
		return;
	}
	guard = &here;
	if (!fresh(s))
		harness_fail("it is gone");
	c->attempt(s, c, &f);
	s->changed = f.through > 0 && (c->flags & CASE_BREAKS);
	k = control_of(c, s->profile);
	guard = before;
	ok = f.tried > 0 && f.through == 0 && k->works;
	refusals(&f, why, sizeof(why));
	if (f.through > 0)
		snprintf(text, sizeof(text), "got through: %s (%u of %u; %s should stop it)",
		    f.text, f.through, f.tried, c->layers);
	else
		snprintf(text, sizeof(text), "%u stopped by %s%s%s; %s", f.tried, c->layers,
		    *why != '\0' ? ": " : "", why, k->text);
	report_case(s->name, c->name, ok, now() - start, text);
}

void engine_run(struct subject *s, const struct icase *cases, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct icase *c = &cases[i];

		if (c->profiles != 0 && (c->profiles >> s->profile & 1) == 0)
			continue;
		if ((c->flags & CASE_NEST_ONLY) && s->kind != SUBJECT_NEST)
			continue;
		run_one(s, c);
	}
}

/* --- the whole --- */

static struct icase all_ways[CASES_MAX];
static unsigned nways;

static bool renew_nest(struct subject *s)
{
	unsigned profile = s->profile;

	subject_free(s);
	*s = subject_nest(profile, NULL);
	s->renew = renew_nest;
	return true;
}

static void run_all(struct subject *s)
{
	engine_run(s, view_cases, nview_cases);
	engine_run(s, all_ways, nways);
	engine_run(s, call_cases, ncall_cases);
}

void engine_run_neighbour(struct subject *s, pid_t pid)
{
	static struct icase of_proc[16];

	for (unsigned i = 0; i < nways; i++)
		if (strstr(all_ways[i].name, "neighbour") != NULL)
			engine_run(s, &all_ways[i], 1);
	engine_run(s, of_proc, proc_cases(of_proc, sizeof(of_proc) / sizeof(of_proc[0]), pid));
}

uint64_t engine_seed(void)
{
	const char *given = getenv("WRIT_SEED");
	static uint64_t seed;

	if (seed == 0) {
		seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
		seed |= 1; /* xorshift can't begin at 0 */
		printf("# WRIT_SEED=%llu\n", (unsigned long long)seed);
	}
	return seed;
}

static void run_profile(unsigned profile)
{
	struct subject s = subject_nest(profile, NULL);

	s.renew = renew_nest;
	run_all(&s);
	subject_free(&s);
	controls_free(NULL);
}

static void in_node(void)
{
	char dir[64];
	unsigned profile = WRIT_PROFILE_NATIVE;

	while (opt.profiles != 0 && (opt.profiles >> profile & 1) == 0)
		profile++;
	node_up(harness_folder(dir, sizeof(dir)));
	if (opt.adversaries != NULL) {
		run_adversaries(opt.adversaries);
		return;
	}
	run_servers(run_all);
	if (opt.image != NULL)
		run_tenant(profile, run_all);
	if (opt.image == NULL || profile != WRIT_PROFILE_NATIVE)
		run_hostile(); /* else it was, with the tenant beside it */
	end_servers();
}

/* What needs a kernel and servers. */
static void run_node(void)
{
	jmp_buf here;

	if (setjmp(here) != 0) {
		engine_say("node", "all of it", false, "%s", failure);
	} else {
		guard = &here;
		in_node();
	}
	guard = NULL;
	end_adversaries();
	node_down();
}

static void run_profiles(void)
{
	nways = way_cases(all_ways, CASES_MAX);
	for (unsigned i = 0; i < WRIT_PROFILE_N; i++)
		if (opt.profiles == 0 || (opt.profiles >> i & 1) != 0)
			run_profile(i);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const char *const names[] = { "native", "files", "server" };

	switch (key) {
	case 'j': opt.junit = arg; return 0;
	case 'a': opt.adversaries = arg; return 0;
	case 'w':
		for (char *p = arg; *p != '\0'; p++)
			if (*p == ',')
				*p = ' ';
		opt.without = arg;
		return 0;
	case 'p':
		for (unsigned i = 0; i < WRIT_PROFILE_N; i++)
			if (strcmp(arg, names[i]) == 0) {
				opt.profiles = 1u << i;
				return 0;
			}
		argp_error(state, "there is no profile %s: native, files or server", arg);
		return 0;
	case ARGP_KEY_ARG:
		if (opt.image != NULL)
			argp_error(state, "one image is enough");
		opt.image = arg;
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "profile", 'p', "PROFILE", 0, "Only this one: native, files or server", 0 },
	{ "junit", 'j', "FILE", 0, "Also write JUnit XML", 0 },
	{ "adversaries", 'a', "DIR", 0,
	    "Nothing but those that Writ has not written; their programs are in DIR", 0 },
	{ "without", 'w', "STEP,...", 0, "Leave out these steps of the sandbox everywhere", 0 },
	{ 0 },
};

static const struct argp argp = { .options = options,
	.parser = parse,
	.args_doc = "[IMAGE]",
	.doc = "Tries to get out of Writ's sandbox, case by case." };

static int suite(void)
{
	char dir[64];
	int failed, r;

	if (opt.image != NULL && (r = tenant_read(opt.image)) != 0)
		return r;
	harness_skip = opt.without;
	sockets_open(harness_folder(dir, sizeof(dir)));
	if (opt.adversaries == NULL)
		run_profiles();
	if (opt.without == NULL)
		run_node();
	failed = report_end(opt.junit);
	return failed < 0 ? EX_CANTCREAT : failed > 0 ? 1 : EX_OK;
}

/* --- who clears up: another process than the one that may be ended at any time --- */

static volatile sig_atomic_t worker, ended_by;

static void on_signal(int sig)
{
	ended_by = sig;
	kill((pid_t)worker, SIGKILL);
}

static int look_after(pid_t pid, const sigset_t *ends)
{
	struct sigaction a = { .sa_handler = on_signal };
	int status = 0;

	worker = pid;
	for (int sig = 1; sig < NSIG; sig++)
		if (sigismember(ends, sig) == 1)
			sigaction(sig, &a, NULL);
	sigprocmask(SIG_UNBLOCK, ends, NULL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	sigprocmask(SIG_BLOCK, ends, NULL);
	node_end();
	harness_clean();
	if (ended_by == 0 && WIFSIGNALED(status))
		fprintf(stderr, "writ-isolation: %s\n", strsignal(WTERMSIG(status)));
	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : 128 + (ended_by != 0 ? ended_by : WTERMSIG(status));
}

int main(int argc, char **argv)
{
	sigset_t ends;
	pid_t pid;

	argp_err_exit_status = EX_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &opt);
	if (geteuid() != 0) {
		fputs("writ-isolation: needs root\n", stderr);
		return EX_NOPERM;
	}
	if (opt.junit != NULL && report_begin(opt.junit) != 0)
		return EX_CANTCREAT;
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	harness_begin();
	if ((pid = fork()) > 0)
		return look_after(pid, &ends);
	sigprocmask(SIG_UNBLOCK, &ends, NULL);
	if (pid < 0)
		harness_fail("fork: %s", strerror(errno));
	return suite();
}
