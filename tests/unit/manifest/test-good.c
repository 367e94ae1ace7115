/* SPDX-License-Identifier: MIT */
/* A good manifest: every field of its message, and its explanation. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <writ/rights.h>
#include "tests/unit/manifest/fixture.h"

static Writ__Manifest__Realm *realm;

static void begin(void)
{
	struct manifest_error e;

	fixture_begin();
	fixture_write("m.yaml", fixture_good, strlen(fixture_good), 0644);
	ck_assert_msg(manifest_realm_load(fixture_path("m.yaml"), NULL, &realm, &e) == 0,
	    "%u:%u: %s", e.line, e.column, e.text);
}

static void end(void)
{
	manifest_realm_free(realm);
	fixture_end();
}

START_TEST(realm_fields)
{
	const Writ__Manifest__Image *m;
	uint8_t sum[32], bytes[120];
	FILE *f = fopen(fixture_path("bin/a"), "rb");

	ck_assert_str_eq(realm->name, "demo");
	ck_assert_str_eq(realm->file, fixture_path("m.yaml"));
	ck_assert_uint_eq(realm->limits->procs, 200);
	ck_assert_uint_eq(realm->limits->memory, UINT64_C(1) << 30);
	ck_assert_uint_eq(realm->limits->cores, 2000);
	ck_assert_uint_eq(realm->n_require, 3);
	ck_assert_uint_eq(realm->require_line, 2);
	ck_assert_str_eq(realm->require[0], "namespaces");
	ck_assert_str_eq(realm->require[1], "seccomp");
	ck_assert_str_eq(realm->require[2], "ebpf_lsm");
	ck_assert_uint_eq(realm->n_mounts, 2);
	ck_assert_str_eq(realm->mounts[1]->at, "/out");
	ck_assert_str_eq(realm->mounts[1]->host, "spool");
	ck_assert_uint_eq(realm->mounts[1]->rights, WRIT_R_READ | WRIT_R_WRITE | WRIT_R_CREATE);
	ck_assert_uint_eq(realm->mounts[1]->line, 6);
	ck_assert_uint_eq(realm->n_images, 2);
	m = realm->images[0];
	ck_assert_str_eq(m->name, "mapper");
	ck_assert_str_eq(m->path, fixture_path("bin/a"));
	ck_assert(!m->pinned);
	ck_assert_uint_eq(m->line, 8);
	ck_assert_uint_eq(m->size, sizeof(bytes));
	ck_assert_uint_eq(fread(bytes, 1, sizeof(bytes), f), sizeof(bytes));
	fclose(f);
	crypto_hash_sha256(sum, bytes, sizeof(bytes));
	ck_assert_uint_eq(m->sha256.len, 32);
	ck_assert_mem_eq(m->sha256.data, sum, 32);
}
END_TEST

START_TEST(proc_fields)
{
	const Writ__Manifest__Proc *p = realm->procs[0], *q = realm->procs[1];

	ck_assert_uint_eq(realm->n_procs, 2);
	ck_assert_str_eq(p->name, "coordinator");
	ck_assert_str_eq(p->image, "coordinator");
	ck_assert_uint_eq(p->n_args, 3);
	ck_assert_str_eq(p->args[1], "b c");
	ck_assert_str_eq(p->args[2], "3");
	ck_assert_uint_eq(p->class_, WRIT_CLASS_LC);
	ck_assert_uint_eq(p->limits->memory, 64 << 20);
	ck_assert_uint_eq(p->limits->cores, 500);
	ck_assert_uint_eq(p->limits->log, 16 << 10);
	ck_assert_uint_eq(p->limits->slots, 512);
	ck_assert_uint_eq(p->limits->procs, 0);
	ck_assert_str_eq(p->provides, "kv");
	ck_assert_uint_eq(p->line, 11);
	ck_assert_uint_eq(p->n_grants, 5);
	/* what is not said */
	ck_assert_uint_eq(q->class_, WRIT_CLASS_BE);
	ck_assert_uint_eq(q->limits->memory, 64 << 20);
	ck_assert_uint_eq(q->limits->cores, 0);
	ck_assert_uint_eq(q->limits->log, 16 << 20);
	ck_assert_uint_eq(q->limits->slots, 64);
	ck_assert_uint_eq(q->n_args, 0);
	ck_assert_str_eq(q->provides, "");
	ck_assert_uint_eq(q->line, 23);
}
END_TEST

START_TEST(grant_fields)
{
	Writ__Manifest__Grant **g = realm->procs[0]->grants;

	ck_assert_int_eq(g[0]->kind, WRIT__MANIFEST__GRANT__KIND__KIND_PATH);
	ck_assert_str_eq(g[0]->name, "/in");
	ck_assert_str_eq(g[0]->as, "/in");
	ck_assert_uint_eq(g[0]->rights, WRIT_R_READ);
	ck_assert_uint_eq(g[0]->line, 18);
	ck_assert_str_eq(g[1]->name, "/out/x");
	ck_assert_str_eq(g[1]->as, "/o");
	ck_assert_uint_eq(g[1]->rights, WRIT_R_CREATE);
	ck_assert_uint_eq(g[2]->rights,
	    WRIT_R_READ | WRIT_R_WRITE | WRIT_R_CREATE | WRIT_R_REMOVE | WRIT_R_WATCH);
	ck_assert_int_eq(g[3]->kind, WRIT__MANIFEST__GRANT__KIND__KIND_SPAWN);
	ck_assert_str_eq(g[3]->name, "workers");
	ck_assert_uint_eq(g[3]->limits->procs, 64);
	ck_assert_uint_eq(g[3]->limits->memory, 512 << 20);
	ck_assert_uint_eq(g[3]->limits->cores, 1250);
	ck_assert_uint_eq(g[3]->classes, 1 << WRIT_CLASS_BE | 1 << WRIT_CLASS_LC);
	ck_assert_uint_eq(g[3]->profiles, 1 << WRIT_PROFILE_NATIVE);
	ck_assert_uint_eq(g[3]->line, 21);
	ck_assert_int_eq(g[4]->kind, WRIT__MANIFEST__GRANT__KIND__KIND_IMAGE);
	ck_assert_str_eq(g[4]->name, "mapper");
	g = realm->procs[1]->grants;
	ck_assert_int_eq(g[0]->kind, WRIT__MANIFEST__GRANT__KIND__KIND_SERVICE);
	ck_assert_str_eq(g[0]->name, "kv");
	ck_assert_uint_eq(g[0]->rights, WRIT_R_READ | WRIT_R_WRITE);
	ck_assert_uint_eq(g[0]->line, 26);
	ck_assert_uint_eq(g[1]->rights, WRIT_R_MOUNT | WRIT_R_GRANT);
	ck_assert_int_eq(g[2]->kind, WRIT__MANIFEST__GRANT__KIND__KIND_ENDPOINT);
	ck_assert_str_eq(g[2]->name, "echo");
}
END_TEST

/* What defaults are is part of the manifest's contract (docs/manifest.md). */
START_TEST(realm_defaults)
{
	static const char yaml[] = "realm: r\nimages: [{name: a, path: bin/a}]\n"
				   "procs: [{name: p, image: a}]\n";
	Writ__Manifest__Realm *r;
	struct manifest_error e;

	fixture_write("d.yaml", yaml, sizeof(yaml) - 1, 0644);
	ck_assert_int_eq(manifest_realm_load(fixture_path("d.yaml"), NULL, &r, &e), 0);
	ck_assert_uint_eq(r->limits->procs, 64);
	ck_assert_uint_eq(r->limits->memory, UINT64_C(1) << 30);
	ck_assert_uint_eq(r->limits->cores, 0);
	ck_assert_uint_eq(r->n_require, 0);
	ck_assert_uint_eq(r->n_mounts, 0);
	ck_assert_uint_eq(r->procs[0]->n_grants, 0);
	manifest_realm_free(r);
}
END_TEST

START_TEST(right_pin_is_accepted)
{
	char yaml[512], hex[65];
	Writ__Manifest__Realm *r;
	struct manifest_error e;

	sodium_bin2hex(hex, sizeof(hex), realm->images[0]->sha256.data, 32);
	snprintf(yaml, sizeof(yaml),
	    "realm: r\nimages: [{name: a, path: bin/a, sha256: %s}]\n"
	    "procs: [{name: p, image: a}]\n",
	    hex);
	fixture_write("d.yaml", yaml, strlen(yaml), 0644);
	ck_assert_int_eq(manifest_realm_load(fixture_path("d.yaml"), NULL, &r, &e), 0);
	ck_assert(r->images[0]->pinned);
	ck_assert_mem_eq(r->images[0]->sha256.data, realm->images[0]->sha256.data, 32);
	manifest_realm_free(r);
}
END_TEST

START_TEST(message_survives_the_wire)
{
	size_t n = writ__manifest__realm__get_packed_size(realm);
	uint8_t *buf = fixture_alloc(n), *again = fixture_alloc(n);
	Writ__Manifest__Realm *r;

	ck_assert_uint_eq(writ__manifest__realm__pack(realm, buf), n);
	r = writ__manifest__realm__unpack(NULL, n, buf);
	ck_assert_ptr_nonnull(r);
	ck_assert_uint_eq(writ__manifest__realm__pack(r, again), n);
	ck_assert_mem_eq(buf, again, n);
	writ__manifest__realm__free_unpacked(r, NULL);
	free(buf);
	free(again);
}
END_TEST

START_TEST(explanation_says_what_is_granted)
{
	static const char *const says[] = {
		"realm demo (",
		"at most 200 procs at once, 1 GiB of memory, 2 cores",
		"does not run without: namespaces, seccomp, ebpf_lsm"
		" (a node's guard must enforce)\n",
		"coordinator (line 11)\n",
		"runs image coordinator, ",
		"with the arguments \"a\" \"b c\" \"3\"",
		"64 MiB of memory, 0.5 cores, 16 KiB of log, 512 capabilities",
		"latency-critical (lc)",
		"is the server of the service kv",
		"may read /in (host folder licenses, read-only); "
		"can neither change, create nor remove there\n",
		"may create files in /out/x, which it sees as /o (host folder spool, writable); "
		"can neither read, change nor remove there\n",
		"may read, change files in, create files in, remove files in and watch /; "
		"not in the mounted /in, /out\n",
		"may start up to 64 procs at once (workers) from mapper, of class be or lc, "
		"with 512 MiB of memory, 1.25 cores between them",
		"may use the service kv as /svc/kv with the rights read, write; "
		"coordinator is behind it",
		"may register servers under and send capabilities to the server of /run/echo",
		"has the endpoint echo of its own: ",
		"nothing else: no network, no other file, no other system call than the ",
	};
	char *text = NULL;
	size_t n, i;
	FILE *f = open_memstream(&text, &n);

	manifest_realm_explain(f, realm);
	fclose(f);
	printf("%s", text);
	fflush(stdout);
	for (i = 0; i < sizeof(says) / sizeof(says[0]); i++)
		ck_assert_msg(strstr(text, says[i]) != NULL, "lacks: %s\n%s", says[i], text);
	ck_assert_ptr_null(strstr(text, "than the 0 of"));
	free(text);
}
END_TEST

/* A manifest is a stranger's: its words can't act on the terminal of who checks it. */
START_TEST(explanation_has_no_control_characters)
{
	static const char yaml[] = "realm: r\nimages: [{name: a, path: bin/a}]\n"
				   "procs: [{name: p, image: a, args: [\"\\e[31m\\x9b\\\"\"]}]\n";
	Writ__Manifest__Realm *r;
	struct manifest_error e;
	char *text = NULL;
	size_t n, i;
	FILE *f = open_memstream(&text, &n);

	fixture_write("d.yaml", yaml, sizeof(yaml) - 1, 0644);
	ck_assert_int_eq(manifest_realm_load(fixture_path("d.yaml"), NULL, &r, &e), 0);
	manifest_realm_explain(f, r);
	fclose(f);
	for (i = 0; i < n; i++)
		ck_assert(text[i] == '\n' || (text[i] >= 0x20 && text[i] < 0x7f));
	ck_assert_ptr_nonnull(strstr(text, "\"\\x1b[31m\\xc2\\x9b\\\"\""));
	manifest_realm_free(r);
	free(text);
}
END_TEST

Suite *suite_good(void)
{
	Suite *s = suite_create("good manifests");
	TCase *t = tcase_create("good");

	tcase_add_unchecked_fixture(t, begin, end);
	tcase_add_test(t, realm_fields);
	tcase_add_test(t, proc_fields);
	tcase_add_test(t, grant_fields);
	tcase_add_test(t, realm_defaults);
	tcase_add_test(t, right_pin_is_accepted);
	tcase_add_test(t, message_survives_the_wire);
	tcase_add_test(t, explanation_says_what_is_granted);
	tcase_add_test(t, explanation_has_no_control_characters);
	suite_add_tcase(s, t);
	return s;
}
