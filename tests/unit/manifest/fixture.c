/* SPDX-License-Identifier: MIT */
#include "tests/unit/manifest/fixture.h"
#include <elf.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

const char fixture_good[] =
    "realm: demo\n" /* 1 */
    "require: [ebpf_lsm, namespaces, seccomp]\n"
    "limits: {procs: 200, memory: 1GiB, cores: 2}\n"
    "mounts:\n"
    "  - {at: /in, host: licenses, rights: [read]}\n" /* 5 */
    "  - {at: /out, host: spool, rights: [read, write, create]}\n"
    "images:\n"
    "  - {name: mapper, path: bin/a}\n"
    "  - {name: coordinator, path: bin/b}\n"
    "procs:\n" /* 10 */
    "  - name: coordinator\n"
    "    image: coordinator\n"
    "    args: [a, \"b c\", 3]\n"
    "    class: lc\n"
    "    limits: {memory: 64MiB, cores: 0.5, log: 16KiB, slots: 512}\n" /* 15 */
    "    provides: kv\n"
    "    grants:\n"
    "      - {path: /in, rights: [read]}\n"
    "      - {path: /out/x, as: /o, rights: [create]}\n"
    "      - {path: /, rights: [read, write, create, remove, watch]}\n" /* 20 */
    "      - {spawn: workers, procs: 64, memory: 512MiB, cores: 1.25, classes: [be, lc]}\n"
    "      - {image: mapper}\n"
    "  - name: client\n"
    "    image: mapper\n"
    "    grants:\n" /* 25 */
    "      - {service: kv, rights: [read, write]}\n"
    "      - {path: /run/echo, rights: [mount, grant]}\n"
    "      - {endpoint: echo}\n";

const char fixture_good_node[] =
    "node: default\n" /* 1 */
    "limits: {procs: 2000, memory: 8GiB}\n"
    "hosts:\n"
    "  - {name: licenses, path: /usr, rights: [read]}\n"
    "  - {name: spool, path: /var, rights: [read, write, create, remove]}\n" /* 5 */
    "servers:\n"
    "  - {name: schedd, image: schedd, profile: native, per: node, grants: [{scheduler: true}]}\n"
    "  - {name: named, image: named, per: realm, serves: true, limits: {memory: 16MiB}}\n"
    "  - name: ux\n"
    "    image: ux\n" /* 10 */
    "    args: [-v]\n"
    "    profile: files\n"
    "    per: host\n"
    "    serves: true\n"
    "    grants: [{host: true}, {audit: true}]\n"; /* 15 */

const char *fixture_path(const char *name)
{
	static char buf[4][512];
	static unsigned next;
	char *p = buf[next++ % 4];

	snprintf(p, sizeof(buf[0]), "%s/%s", dir, name);
	return p;
}

void *fixture_alloc(size_t size)
{
	void *p = calloc(1, size);

	if (p == NULL)
		abort();
	return p;
}

void fixture_write(const char *name, const void *data, size_t len, unsigned mode)
{
	int fd = open(fixture_path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
}

void fixture_elf(const char *name)
{
	struct {
		Elf64_Ehdr eh;
		Elf64_Phdr ph;
	} f = {
		.eh = { .e_ident = ELFMAG,
		    .e_type = ET_EXEC,
		    .e_machine = EM_X86_64,
		    .e_version = EV_CURRENT,
		    .e_phoff = sizeof(Elf64_Ehdr),
		    .e_ehsize = sizeof(Elf64_Ehdr),
		    .e_phentsize = sizeof(Elf64_Phdr),
		    .e_phnum = 1 },
		.ph = { .p_type = PT_LOAD,
		    .p_flags = PF_R | PF_X,
		    .p_filesz = sizeof(f),
		    .p_memsz = sizeof(f) },
	};
	char path[512];
	size_t i;

	f.eh.e_ident[EI_CLASS] = ELFCLASS64;
	f.eh.e_ident[EI_DATA] = ELFDATA2LSB;
	f.eh.e_ident[EI_VERSION] = EV_CURRENT;
	snprintf(path, sizeof(path), "%s", fixture_path(name));
	for (i = strlen(dir) + 1; path[i] != '\0'; i++) {
		if (path[i] != '/')
			continue;
		path[i] = '\0';
		mkdir(path, 0755);
		path[i] = '/';
	}
	fixture_write(name, &f, sizeof(f), 0755);
}

void fixture_begin(void)
{
	snprintf(dir, sizeof(dir), "/tmp/writ-manifest.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	fixture_elf("bin/a");
	fixture_elf("bin/b");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st, (void)type, (void)f;
	return remove(path);
}

void fixture_end(void)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int fixture_realm(const char *yaml, const Writ__Manifest__Node *node, struct manifest_error *e)
{
	struct manifest_node n = { .node = node };
	Writ__Manifest__Realm *r = NULL;
	int rc;

	fixture_write("m.yaml", yaml, strlen(yaml), 0644);
	rc = manifest_realm_load(fixture_path("m.yaml"), node != NULL ? &n : NULL, &r, e);
	ck_assert_msg((rc == 0) == (r != NULL), "*ret is written only on success");
	manifest_realm_free(r);
	return rc;
}

int fixture_node(const char *yaml, struct manifest_error *e)
{
	Writ__Manifest__Node *n = NULL;
	int rc;

	fixture_write("m.yaml", yaml, strlen(yaml), 0644);
	rc = manifest_node_load(fixture_path("m.yaml"), &n, e);
	ck_assert_msg((rc == 0) == (n != NULL), "*ret is written only on success");
	manifest_node_free(n);
	return rc;
}

void fixture_wrong(const struct wrong *w, int (*load)(const char *, struct manifest_error *))
{
	struct manifest_error e;
	int rc = load(w->yaml, &e);

	ck_assert_msg(rc == -1, "accepted, though wrong (%s):\n%s", w->needle, w->yaml);
	printf("%u:%u: %s\n", e.line, e.column, e.text);
	fflush(stdout);
	ck_assert_msg(e.line == w->line && e.column == w->column &&
		strstr(e.text, w->needle) != NULL,
	    "want %u:%u ...%s..., got %u:%u: %s\n%s", w->line, w->column, w->needle, e.line,
	    e.column, e.text, w->yaml);
	ck_assert_str_eq(e.file, fixture_path("m.yaml"));
}
