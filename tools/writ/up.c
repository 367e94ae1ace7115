/* SPDX-License-Identifier: MIT */
/*
 * writ up: reads the node's manifest, starts writ-boot in the background, which
 * starts the kernel, and waits until root answers. What writ-boot is given is its
 * command line and one sealed memfd; it inherits no descriptor besides.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <writ/rights.h>

#include "tools/boot/switch.h"
#include "tools/manifest/manifest.h"
#include "tools/writ/client.h"
#include "tools/writ/layers.h"
#include "tools/writ/node.h"
#include "tools/writ/show.h"
#include "tools/writ/up.h"

#define UP_WAIT_MS   10000
#define UP_LOG_LINES 2048    /* bytes of the kernel's log that are shown when it fails */
#define UP_FIRST_LOG "1.log" /* of the first server */
#define UP_LOG_MAX   (1 << 20)
#define UP_ARG_SIZE  (CLI_PATH_MAX + 128)

static Writ__Manifest__Host *host_find(const Writ__Manifest__Node *node, const char *name)
{
	for (size_t i = 0; i < node->n_hosts; i++) {
		if (strcmp(node->hosts[i]->name, name) == 0)
			return node->hosts[i];
	}
	return NULL;
}

/* A new host folder at the end of @node, named @name. NULL when out of memory. */
static Writ__Manifest__Host *host_new(Writ__Manifest__Node *node, const char *name)
{
	Writ__Manifest__Host **v = reallocarray(node->hosts, node->n_hosts + 1,
	    sizeof(*node->hosts));
	Writ__Manifest__Host *h = malloc(sizeof(*h));

	if (v != NULL)
		node->hosts = v;
	if (v == NULL || h == NULL) {
		free(h);
		return NULL;
	}
	writ__manifest__host__init(h);
	h->name = strdup(name);
	v[node->n_hosts++] = h;
	return h;
}

/* --host NAME=PATH[:rw], in the place of the manifest's folder of that name if there is one. */
static int host_add(struct cli *c, Writ__Manifest__Node *node, const char *arg)
{
	Writ__Manifest__Host *h;
	char name[32], *path, *old;
	const char *eq = strchr(arg, '=');
	size_t n;
	bool rw;

	snprintf(name, sizeof(name), "%.*s", eq != NULL ? (int)(eq - arg) : 0, arg);
	if (eq == NULL || eq - arg > 31 || !cli_name_ok(name))
		return cli_fail(c, EX_USAGE, "--host %s: NAME=PATH or NAME=PATH:rw is wanted", arg);
	n = strlen(eq + 1);
	rw = n > 3 && strcmp(eq + 1 + n - 3, ":rw") == 0;
	old = strndup(eq + 1, rw ? n - 3 : n);
	path = old != NULL ? realpath(old, NULL) : NULL;
	free(old);
	if (path == NULL)
		return cli_fail(c, EX_NOINPUT, "--host %s: %s", arg, strerror(errno));
	h = host_find(node, name);
	if (h == NULL)
		h = host_new(node, name);
	if (h == NULL || h->name == NULL) {
		free(path);
		return cli_fail(c, EX_OSERR, "out of memory");
	}
	if (h->path != protobuf_c_empty_string)
		free(h->path);
	h->path = path;
	h->rights = WRIT_R_READ | (rw ? WRIT_R_WRITE | WRIT_R_CREATE | WRIT_R_REMOVE : 0);
	return 0;
}

/* The node's name in the message is the one it is started by. */
static int node_rename(struct cli *c, Writ__Manifest__Node *node)
{
	char *name = strdup(c->node);

	if (name == NULL)
		return cli_fail(c, EX_OSERR, "out of memory");
	if (node->name != protobuf_c_empty_string)
		free(node->name);
	node->name = name;
	return 0;
}

static int guard_set(struct cli *c, Writ__Manifest__Node *node)
{
	char *word = strdup(c->opt['G']);
	enum guard_mode mode;

	if (word == NULL || !guard_mode_parse(word, &mode)) {
		free(word);
		return cli_fail(c, EX_USAGE,
		    "--guard %s: enforce, on-demand, audit or off is wanted", c->opt['G']);
	}
	if (node->guard != protobuf_c_empty_string)
		free(node->guard);
	node->guard = word;
	return 0;
}

static int hosts_check(struct cli *c, const Writ__Manifest__Node *node)
{
	struct stat st;

	for (size_t i = 0; i < node->n_hosts; i++) {
		const char *path = node->hosts[i]->path;

		if (stat(path, &st) < 0)
			return cli_fail(c, EX_NOINPUT, "host folder %s: %s: %s",
			    node->hosts[i]->name, path, strerror(errno));
		if (!S_ISDIR(st.st_mode))
			return cli_fail(c, EX_DATAERR, "host folder %s: %s is not a folder",
			    node->hosts[i]->name, path);
	}
	return 0;
}

static int node_load(struct cli *c, const struct node_files *files, Writ__Manifest__Node **ret)
{
	const char *file = c->opt['F'] != NULL ? c->opt['F'] : files->manifest;
	struct manifest_error e = { 0 };
	int rc;

	if (*file == '\0')
		return cli_fail(c, EX_NOINPUT, "no node manifest is installed; name one by --file");
	if (access(file, R_OK) < 0)
		return cli_fail(c, EX_NOINPUT, "%s: %s", file, strerror(errno));
	if (manifest_node_load(file, ret, &e) < 0)
		return cli_fail(c, EX_DATAERR, "%s:%u:%u: %s", e.file, e.line, e.column, e.text);
	rc = node_rename(c, *ret);
	if (rc == 0 && c->opt['G'] != NULL)
		rc = guard_set(c, *ret);
	for (unsigned i = 0; rc == 0 && i < c->nhosts; i++)
		rc = host_add(c, *ret, c->hosts[i]);
	if (rc == 0)
		rc = hosts_check(c, *ret);
	if (rc != 0)
		manifest_node_free(*ret);
	return rc;
}

/* The message in a sealed memfd. */
static int node_pack(struct cli *c, const Writ__Manifest__Node *node, int *ret_fd)
{
	size_t size = writ__manifest__node__get_packed_size(node);
	uint8_t *buf = malloc(size + 1);
	int fd = memfd_create("writ-node", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (buf != NULL)
		writ__manifest__node__pack(node, buf);
	if (fd < 0 || buf == NULL || write(fd, buf, size) != (ssize_t)size ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0) {
		free(buf);
		if (fd >= 0)
			close(fd);
		return cli_fail(c, EX_OSERR, "memfd: %s", strerror(errno));
	}
	free(buf);
	*ret_fd = fd;
	return 0;
}

/* Procs of an earlier life wrote there under numbers that come again. */
static void logs_clear(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (strspn(e->d_name, "0123456789") > 0 && strchr(e->d_name, '.') != NULL &&
		    strcmp(strchr(e->d_name, '.'), ".log") == 0)
			unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		closedir(d);
}

/* The node's log folder and the kernel's own log in it; *ret_from is where the new lines begin. */
static int log_open(struct cli *c, int *ret_fd, off_t *ret_from)
{
	const struct group *g = getgrnam("writ");
	char path[128], old[144];
	struct stat st;
	int fd;

	if (mkdir(CLI_LOG_DIR, 0755) < 0 && errno != EEXIST)
		return cli_fail(c, EX_OSERR, "%s: %s", CLI_LOG_DIR, strerror(errno));
	snprintf(path, sizeof(path), "%s/%s", CLI_LOG_DIR, c->node);
	if ((mkdir(path, 0750) < 0 && errno != EEXIST) ||
	    (g != NULL && chown(path, 0, g->gr_gid) < 0))
		return cli_fail(c, EX_OSERR, "%s: %s", path, strerror(errno));
	logs_clear(path);
	snprintf(path, sizeof(path), "%s/%s/kernel.log", CLI_LOG_DIR, c->node);
	snprintf(old, sizeof(old), "%s.1", path);
	if (stat(path, &st) == 0 && st.st_size > UP_LOG_MAX)
		rename(path, old);
	fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (fd < 0)
		return cli_fail(c, EX_OSERR, "%s: %s", path, strerror(errno));
	if (g != NULL && fchown(fd, 0, g->gr_gid) < 0)
		fprintf(stderr, "writ: %s: group writ can't read it\n", path);
	*ret_fd = fd;
	*ret_from = lseek(fd, 0, SEEK_END);
	return 0;
}

/* Start writ-boot in a session of its own. It gets 0, 1, 2, the manifest and a dump's images. */
static int kernel_start(struct cli *c, const char *bin, struct argv *a, int manifest, int images,
    int log, pid_t *ret)
{
	static char path_var[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	static char *env[] = { path_var, NULL };
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	char path[CLI_PATH_MAX + 16];
	sigset_t none;
	int r;

	sigemptyset(&none);
	snprintf(path, sizeof(path), "%s/%s", bin, NODE_BOOT);
	posix_spawn_file_actions_init(&fa);
	posix_spawnattr_init(&at);
	if ((r = posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0)) == 0 &&
	    (r = posix_spawn_file_actions_adddup2(&fa, log, 1)) == 0 &&
	    (r = posix_spawn_file_actions_adddup2(&fa, log, 2)) == 0 &&
	    (r = posix_spawn_file_actions_adddup2(&fa, manifest, UP_MEMFD)) == 0 &&
	    (images < 0 || (r = posix_spawn_file_actions_adddup2(&fa, images, UP_IMAGES)) == 0) &&
	    (r = posix_spawn_file_actions_addclosefrom_np(&fa,
		 images < 0 ? UP_IMAGES : UP_IMAGES + 1)) == 0 &&
	    (r = posix_spawn_file_actions_addchdir_np(&fa, "/")) == 0 &&
	    (r = posix_spawnattr_setsigmask(&at, &none)) == 0 &&
	    (r = posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK)) == 0)
		r = posix_spawn(ret, path, &fa, &at, a->v, env);
	posix_spawnattr_destroy(&at);
	posix_spawn_file_actions_destroy(&fa);
	return r == 0 ? 0 : cli_fail(c, EX_OSERR, "%s: %s", path, strerror(r));
}

/* The end of what the kernel wrote since @from, for people. */
static void log_show(int log, off_t from)
{
	char buf[UP_LOG_LINES + 1], *line = buf, *nl;
	off_t end = lseek(log, 0, SEEK_END);
	ssize_t n;

	if (end - from > UP_LOG_LINES)
		from = end - UP_LOG_LINES;
	n = pread(log, buf, UP_LOG_LINES, from);
	buf[n > 0 ? n : 0] = '\0';
	while (*line != '\0') {
		nl = strchrnul(line, '\n');
		if (*nl == '\n')
			*nl++ = '\0';
		fputs("    ", stderr);
		show_safe_put(stderr, line);
		fputc('\n', stderr);
		line = nl;
	}
}

/* One ping over @cl, which is opened when there is something to open. */
static int ping(struct cli *c, struct client *cl)
{
	Writ__Op__Req req = WRIT__OP__REQ__INIT;
	int rc = 0;

	req.op = WRIT__OP__OP__OP_PING;
	if (!cl->open) {
		rc = client_open(c, cl);
		if (rc == 0)
			client_limit(cl, 500);
	}
	return rc == 0 ? client_do(c, cl, &req) : rc;
}

/* Ask root until it answers, the kernel @pid ends, or time is up. */
static int root_wait(struct cli *c, pid_t pid)
{
	uint64_t end = show_clock(CLOCK_MONOTONIC) + (uint64_t)cli_ms(UP_WAIT_MS) * 1000000;
	struct client cl = { 0 };
	int rc, status, ms = 10;

	while ((rc = ping(c, &cl)) != 0) {
		if (waitpid(pid, &status, WNOHANG) == pid) {
			rc = cli_fail(c, EX_SOFTWARE,
			    "the kernel of node %s ended at boot (%s %d):", c->node,
			    WIFEXITED(status) ? "status" : "signal",
			    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
			break;
		}
		if (show_clock(CLOCK_MONOTONIC) > end) {
			rc = cli_fail(c, EX_UNAVAILABLE,
			    "node %s: root didn't answer in %d s:", c->node,
			    cli_ms(UP_WAIT_MS) / 1000);
			break;
		}
		poll(NULL, 0, ms);
		ms = ms < 100 ? ms * 2 : ms;
	}
	client_close(&cl);
	return rc;
}

/* The kernel didn't make it: show why, end it, clear up. */
static void boot_undo(struct cli *c, pid_t pid, int log, off_t from)
{
	char error[sizeof(c->error)], path[128];
	int first;
	pid_t kernel;
	int pidfd;

	memcpy(error, c->error, sizeof(error));
	kill(pid, SIGTERM); /* our own child, not waited for yet: the pid is its */
	for (int ms = 0; waitpid(pid, NULL, WNOHANG) == 0; ms += 50) {
		if (ms >= cli_ms(2000) && node_kernel_find(c, &kernel, &pidfd) == 0 && pidfd >= 0) {
			pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
			close(pidfd);
		}
		poll(NULL, 0, 50);
	}
	node_clean(c);
	fputs("writ: ", stderr);
	show_safe_put(stderr, error);
	fputc('\n', stderr);
	log_show(log, from);
	snprintf(path, sizeof(path), "%s/%s/" UP_FIRST_LOG, CLI_LOG_DIR, c->node);
	first = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (first >= 0) {
		log_show(first, 0);
		close(first);
	}
	c->error[0] = '\0';
}

/* Start it and see it answer. */
static int node_boot(struct cli *c, const struct node_files *files,
    const Writ__Manifest__Node *node, const struct up_dump *u)
{
	struct argv a = { 0 };
	struct layers_why why;
	int manifest = -1, log = -1, pidfd, rc;
	off_t from = 0;
	pid_t pid;

	rc = argv_make(c, &a, node, files->bin, u);
	if (rc == 0)
		rc = node_pack(c, node, &manifest);
	if (rc == 0)
		rc = log_open(c, &log, &from);
	if (rc == 0)
		rc = kernel_start(c, files->bin, &a, manifest, u->images, log, &pid);
	if (rc == 0) {
		rc = root_wait(c, pid);
		if (rc != 0)
			boot_undo(c, pid, log, from);
	}
	if (rc == 0) {
		c->error[0] = '\0'; /* what the first tries said */
		rc = node_manifest_save(c, node);
	}
	if (rc == 0 && (rc = node_kernel_find(c, &pid, &pidfd)) == 0) {
		close(pidfd);
		printf("node %s is up: kernel pid %d, %zu servers, %zu host folders\n", c->node,
		    (int)pid, u->path != NULL ? 0 : node->n_servers, node->n_hosts);
		layers_read(log, from, &why);
		layers_print(stdout, &why);
	}
	argv_free(&a);
	if (manifest >= 0)
		close(manifest);
	if (log >= 0)
		close(log);
	return rc;
}

static int up_run(struct cli *c)
{
	struct node_files files;
	Writ__Manifest__Node *node;
	struct up_dump dump;
	int guard, pidfd, rc;
	pid_t pid;

	rc = node_files_find(c, &files);
	if (rc == 0)
		rc = node_load(c, &files, &node);
	if (rc != 0)
		return rc;
	rc = up_dump_open(c, &dump);
	if (rc == 0)
		rc = node_guard(c, &guard);
	if (rc == 0) {
		rc = node_kernel_find(c, &pid, &pidfd);
		if (pidfd >= 0) {
			close(pidfd);
			rc = cli_fail(c, EX_TEMPFAIL, "node %s is up already (kernel pid %d)",
			    c->node, (int)pid);
		}
		if (rc == 0)
			rc = node_clean(c);
		if (rc == 0)
			rc = node_boot(c, &files, node, &dump);
		close(guard);
	}
	up_dump_close(&dump);
	manifest_node_free(node);
	return rc;
}

static const struct argp_option up_options[] = {
	{ "file", 'F', "NODE.yaml", 0, "The node's manifest (default: the installed one)", 0 },
	{ "host", CLI_LONG('H'), "NAME=PATH[:rw]", 0,
	    "Lend a host folder, read-only unless :rw; again for more", 0 },
	{ "guard", CLI_LONG('G'), "MODE", 0,
	    "What the eBPF layers do: enforce, on-demand, audit or off (default: as the manifest "
	    "says)",
	    0 },
	{ "dump", CLI_LONG('D'), "FILE", 0, "Make what writ caps --dump wrote, and start no server",
	    0 },
	{ "images", CLI_LONG('I'), "DIR", 0, "With --dump: the images that it names", 0 },
	{ 0 },
};

const struct cmd cmd_up = {
	.name = "up",
	.args = "",
	.doc = "Start a node",
	.more = "Needs root. Clears first what a node of that name left when it was killed.\n\n"
		"Example: writ up --node test --host texts=/usr/share/common-licenses",
	.run = up_run,
	.opts = up_options,
	.flags = CMD_NODE | CMD_ROOT,
	.max = 0,
};
