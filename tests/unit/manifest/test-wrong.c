/* SPDX-License-Identifier: MIT */
/* Each key of a realm's manifest wrong in each way: where the error points, and what it says. */
#include <stdlib.h>
#include <string.h>
#include "tests/unit/manifest/fixture.h"

/* Two lines that most rows begin or end with. */
#define I    "images: [{name: a, path: bin/a}]\n"
#define P    "procs: [{name: p, image: a}]\n"
/* A whole manifest with the grants @g of its proc on line 4, from column 10 on. */
#define G(g) "realm: r\n" I "procs:\n  - {name: p, image: a, provides: kv, grants: [" g "]}\n"
#define M(m) "realm: r\n" I P "mounts:\n" m
#define L(l) "realm: r\n" I "limits: {" l "}\n" P

/* clang-format off */
static const struct wrong rows[] = {
	/* shape */
	{ "", 1, 1, "is empty" },
	{ "# nothing\n", 1, 1, "is empty" },
	{ "hello\n", 1, 1, "wants a mapping with keys of: realm, require, limits" },
	{ "[realm]\n", 1, 1, "not a list" },
	{ "node: n\n", 1, 1, "this is a node's manifest, where a realm's is wanted" },
	{ "realm: r\n" I, 1, 1, "lacks the key `procs`" },
	{ "realm: r\n" P, 1, 1, "lacks the key `images`" },
	{ I P, 1, 1, "lacks the key `realm`" },
	{ "realm: r\nprosc: []\n", 2, 1, "prosc: unknown key; did you mean `procs`?" },
	{ "realm: r\nall: true\n", 2, 1, "all: unknown key; the keys here: realm" },
	{ "realm: r\n" I P "realm: s\n", 4, 1, "given before, on line 1" },
	{ "realm: r\n[a]: b\n", 2, 1, "a key is a word" },
	{ "realm: r\n\"realm\\0\": b\n", 2, 1, "unknown key" },
	{ "realm: r\n\timages: []\n", 2, 1, "a tab" },
	{ "realm: r\n images: [}\n", 2, 8, "not YAML" },
	{ "realm: [r\n", 2, 1, "not YAML" },
	{ "realm: r\n" I P "---\nrealm: s\n", 4, 1, "a second document" },
	{ "realm: &a r\n" I P, 1, 8, "anchors" },
	{ "realm: r\n" I P "require: *a\n", 4, 10, "aliases" },
	{ "realm: !!str r\n" I P, 1, 8, "tags" },
	{ "realm: !x r\n" I P, 1, 8, "tags" },
	/* realm */
	{ "realm: Demo\n" I P, 1, 8, "has a character other than a-z" },
	{ "realm: a.b\n" I P, 1, 8, "has a character other than a-z" },
	{ "realm: -a\n" I P, 1, 8, "begins with -" },
	{ "realm: \"\"\n" I P, 1, 8, "is empty" },
	{ "realm:\n" I P, 1, 7, "wants a text, not nothing" },
	{ "realm: ~\n" I P, 1, 8, "wants a text, not nothing" },
	{ "realm: [r]\n" I P, 1, 8, "wants a text, not a list" },
	{ "realm: {r: 1}\n" I P, 1, 8, "wants a text, not a mapping" },
	{ "realm: \"a\\0b\"\n" I P, 1, 8, "NUL" },
	{ "realm: \"a\\eb\"\n" I P, 1, 8, "`a?b`" },
	{ "realm: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n" I P, 1, 8, "longer than 31" },
	/* require */
	{ "realm: r\nrequire: seccomp\n" I P, 2, 10, "wants a list such as [namespaces]" },
	{ "realm: r\nrequire: [sekcomp]\n" I P, 2, 11, "did you mean `seccomp`?" },
	{ "realm: r\nrequire: [ebpf_socket]\n" I P, 2, 11, "did you mean `ebpf_sockets`?" },
	{ "realm: r\nrequire: [ebpf]\n" I P, 2, 11, "`ebpf` is not one of namespaces" },
	{ "realm: r\nrequire: [xyz]\n" I P, 2, 11, "namespaces, seccomp, rlimits, cgroup, landlock, ebpf_calls, ebpf_sockets, ebpf_unix, ebpf_lsm or telemetry" },
	{ "realm: r\nrequire: [seccomp, seccomp]\n" I P, 2, 20, "in the list already" },
	{ "realm: r\nrequire: []\n" I P, 2, 10, "empty list" },
	{ "realm: r\nrequire: [[a]]\n" I P, 2, 11, "not a list" },
	/* limits */
	{ L("procs: 0"), 3, 17, "out of range: from 1 to 8192" },
	{ L("procs: 9000"), 3, 17, "out of range" },
	{ L("procs: -1"), 3, 17, "wants a whole number" },
	{ L("procs: 1.5"), 3, 17, "wants a whole number" },
	{ L("procs: 0x10"), 3, 17, "wants a whole number" },
	{ L("procs: 010"), 3, 17, "wants a whole number" },
	{ L("procs: 99999999999999999999"), 3, 17, "too large" },
	{ L("procs: \"2\""), 3, 17, "without quotes" },
	{ L("procs: many"), 3, 17, "not `many`" },
	{ L("procs: [1]"), 3, 17, "wants a number, not a list" },
	{ L("procs: "), 3, 17, "wants a number, not nothing" },
	{ L("memory: 64MB"), 3, 18, "`64MB` is not a size" },
	{ L("memory: 64"), 3, 18, "KiB, MiB or GiB, such as 64MiB" },
	{ L("memory: 1.5GiB"), 3, 18, "not a size" },
	{ L("memory: -1GiB"), 3, 18, "not a size" },
	{ L("memory: 64 MiB"), 3, 18, "not a size" },
	{ L("memory: 99999999999GiB"), 3, 18, "not a size" },
	{ L("memory: 999999999GiB"), 3, 18, "out of range: from 1 MiB to 1024 GiB" },
	{ L("memory: 64KiB"), 3, 18, "out of range" },
	{ L("memory: 0MiB"), 3, 18, "out of range" },
	{ L("memory: 2MiB"), 4, 9, "64 MiB is more than the realm's limit, 2 MiB" },
	{ L("cores: two"), 3, 17, "not a number of cores" },
	{ L("cores: 0.0001"), 3, 17, "not a number of cores" },
	{ L("cores: 1."), 3, 17, "not a number of cores" },
	{ L("cores: 0"), 3, 17, "out of range" },
	{ L("cores: 1025"), 3, 17, "out of range" },
	{ L("core: 1"), 3, 10, "did you mean `cores`?" },
	{ L("log: 1MiB"), 3, 10, "unknown key" },
	{ "realm: r\nlimits: [1]\n" I P, 2, 9, "wants a mapping" },
	/* mounts */
	{ M("  - {host: h, rights: [read]}\n"), 5, 5, "lacks the key `at`" },
	{ M("  - {at: /in, rights: [read]}\n"), 5, 5, "lacks the key `host`" },
	{ M("  - {at: /in, host: h}\n"), 5, 5, "lacks the key `rights`" },
	{ M("  - {at: in, host: h, rights: [read]}\n"), 5, 10, "is not absolute" },
	{ M("  - {at: /in/, host: h, rights: [read]}\n"), 5, 10, "ends in /" },
	{ M("  - {at: /a//b, host: h, rights: [read]}\n"), 5, 10, "has // in it" },
	{ M("  - {at: /a/../b, host: h, rights: [read]}\n"), 5, 10, "component . or .." },
	{ M("  - {at: \"/a\\x01\", host: h, rights: [read]}\n"), 5, 10, "control character" },
	{ M("  - {at: /, host: h, rights: [read]}\n"), 5, 10, "would hide all else" },
	{ M("  - {at: /svc/x, host: h, rights: [read]}\n"), 5, 10, "/svc" },
	{ M("  - {at: /in, host: H, rights: [read]}\n"), 5, 21, "a name is 1 to 31" },
	{ M("  - {at: /in, host: h, rights: [raed]}\n"), 5, 33, "did you mean `read`?" },
	{ M("  - {at: /in, host: h, rights: [exec]}\n"), 5, 33, "read, write, create or remove" },
	{ M("  - {at: /in, host: h, rights: []}\n"), 5, 32, "empty list" },
	{ M("  - {at: /in, host: h, rights: [read]}\n  - {at: /in, host: h, rights: [read]}\n"), 6, 10, "already, on line 5" },
	{ M("  - {at: /in, host: h, rights: [read]}\n  - {at: /in/x, host: h, rights: [read]}\n"), 6, 10, "nests with the mount at /in, on line 5" },
	{ M("  - {at: /in/x, host: h, rights: [read]}\n  - {at: /in, host: h, rights: [read]}\n"), 6, 10, "nests with the mount at /in/x" },
	/* images */
	{ "realm: r\nimages: []\n" P, 2, 9, "wants at least 1" },
	{ "realm: r\nimages: bin/a\n" P, 2, 9, "wants a list, not a single value" },
	{ "realm: r\nimages: [bin/a]\n" P, 2, 10, "wants a mapping with keys of: name, path, sha256" },
	{ "realm: r\nimages: [{path: bin/a}]\n" P, 2, 10, "lacks the key `name`" },
	{ "realm: r\nimages: [{name: a}]\n" P, 2, 10, "lacks the key `path`" },
	{ "realm: r\nimages: [{name: a_b, path: bin/a}]\n" P, 2, 17, "a name is" },
	{ "realm: r\nimages: [{name: a, path: bin/a}, {name: a, path: bin/b}]\n" P, 2, 41, "there is an image `a` already, on line 2" },
	{ "realm: r\nimages: [{name: a, path: \"\"}]\n" P, 2, 26, "not a file's path" },
	{ "realm: r\nimages: [{name: a, path: bin/none}]\n" P, 2, 26, "bin/none doesn't exist" },
	{ "realm: r\nimages: [{name: a, path: bin}]\n" P, 2, 26, "is a folder" },
	{ "realm: r\nimages: [{name: a, path: bin/a, sha256: abc}]\n" P, 2, 41, "64 hexadecimal digits" },
	{ "realm: r\nimages: [{name: a, path: bin/a, sha256: 0000000000000000000000000000000000000000000000000000000000000000}]\n" P, 2, 41, "has another hash: " },
	/* procs */
	{ "realm: r\nprocs: []\n" I, 2, 8, "wants at least 1" },
	{ "realm: r\n" I "procs: [{image: a}]\n", 3, 9, "lacks the key `name`" },
	{ "realm: r\n" I "procs: [{name: p}]\n", 3, 9, "lacks the key `image`" },
	{ "realm: r\n" I "procs: [{name: P, image: a}]\n", 3, 16, "a name is" },
	{ "realm: r\n" I "procs: [{name: p, image: a}, {name: p, image: a}]\n", 3, 37, "there is a proc `p` already" },
	{ "realm: r\nimages: [{name: mapper, path: bin/a}]\nprocs: [{name: p, image: mappr}]\n", 3, 26, "there is no image `mappr`; did you mean `mapper`?" },
	{ "realm: r\n" I "procs: [{name: p, image: xyzzy}]\n", 3, 26, "there is no image `xyzzy`; there is: a" },
	{ "realm: r\n" I "procs: [{name: p, image: a, args: x}]\n", 3, 35, "wants a list" },
	{ "realm: r\n" I "procs: [{name: p, image: a, args: [[x]]}]\n", 3, 36, "wants a text" },
	{ "realm: r\n" I "procs: [{name: p, image: a, args: [~]}]\n", 3, 36, "an empty text is written \"\"" },
	{ "realm: r\n" I "procs: [{name: p, image: a, class: fast}]\n", 3, 36, "`fast` is not one of be or lc" },
	{ "realm: r\n" I "procs: [{name: p, image: a, class: 1}]\n", 3, 36, "is not one of be or lc" },
	{ "realm: r\n" I "procs: [{name: p, image: a, class: lc}]\n", 3, 36, "lc reserves cores" },
	{ "realm: r\n" I "procs: [{name: p, image: a, provides: K}]\n", 3, 39, "a name is" },
	{ "realm: r\n" I "procs: [{name: p, image: a, provides: k}, {name: q, image: a, provides: k}]\n", 3, 73, "there is a service `k` already" },
	{ "realm: r\n" I "procs: [{name: p, image: a, limits: {slots: 8}}]\n", 3, 45, "from 64 to 4096" },
	{ "realm: r\n" I "procs: [{name: p, image: a, limits: {slots: 100}}]\n", 3, 45, "write 64 or 128" },
	{ "realm: r\n" I "procs: [{name: p, image: a, limits: {log: 1KiB}}]\n", 3, 43, "from 4 KiB" },
	{ "realm: r\n" I "procs: [{name: p, image: a, limits: {procs: 3}}]\n", 3, 38, "unknown key" },
	{ "realm: r\n" I "procs: [{name: p, image: a, limits: {memory: 2GiB}}]\n", 3, 46, "2 GiB is more than the realm's limit, 1 GiB" },
	{ "realm: r\nlimits: {cores: 1}\n" I "procs: [{name: p, image: a, limits: {cores: 1.5}}]\n", 4, 45, "1.5 cores are more than the realm's limit, 1 core" },
	{ "realm: r\nlimits: {procs: 1}\n" I "procs: [{name: p, image: a}, {name: q, image: a}]\n", 2, 17, "1 is less than the 2 procs below" },
	{ "realm: r\nlimits: {memory: 100MiB}\n" I "procs: [{name: p, image: a}, {name: q, image: a}]\n", 2, 18, "100 MiB is less than the procs' limits together, 128 MiB" },
	{ "realm: r\nlimits: {cores: 1}\n" I "procs: [{name: p, image: a, class: lc, limits: {cores: 0.6}}, {name: q, image: a, class: lc, limits: {cores: 0.6}}]\n", 2, 17, "reserve, 1.2 cores" },
	/* grants */
	{ G("{}"), 4, 48, "name a path, spawn, image, service or endpoint" },
	{ G("{rights: [read]}"), 4, 48, "grants nothing" },
	{ G("all"), 4, 48, "wants a mapping" },
	{ G("{all: true}"), 4, 49, "unknown key" },
	{ G("{path: /x}"), 4, 48, "a grant of path lacks the key `rights`" },
	{ G("{path: x, rights: [read]}"), 4, 55, "is not absolute" },
	{ G("{path: /x, rights: [all]}"), 4, 68, "`all` is not one of read, write" },
	{ G("{path: /x, rights: [grantreply]}"), 4, 68, "is not one of" },
	{ G("{path: /x, rights: []}"), 4, 67, "empty list" },
	{ G("{path: /x, rights: [read], as: y}"), 4, 79, "is not absolute" },
	{ G("{path: /x, rights: [read], procs: 3}"), 4, 75, "doesn't belong to a grant of path, which takes rights, as" },
	{ G("{path: /x, image: a, rights: [read]}"), 4, 59, "a grant is of one thing" },
	{ G("{path: /x, rights: [read]}, {path: /x, rights: [write]}"), 4, 83, "there is a grant that shows as `/x` already" },
	{ G("{path: /x, rights: [read]}, {path: /y, as: /x, rights: [write]}"), 4, 91, "already" },
	{ G("{path: /svc/kv, rights: [read]}"), 4, 55, "grant {service: NAME}" },
	{ G("{path: /x, as: /svc/kv, rights: [read]}"), 4, 63, "grant {service: NAME}" },
	{ G("{image: b}"), 4, 56, "there is no image `b`" },
	{ G("{image: a, rights: [read]}"), 4, 59, "takes nothing" },
	{ G("{image: a}, {image: a}"), 4, 68, "there is a grant of image `a` already" },
	{ G("{service: kw, rights: [read]}"), 4, 58, "there is no service `kw`; did you mean `kv`?" },
	{ G("{service: kv}"), 4, 48, "lacks the key `rights`" },
	{ G("{service: kv, rights: [read], as: /x}"), 4, 78, "doesn't belong" },
	{ G("{endpoint: A}"), 4, 59, "a name is" },
	{ G("{endpoint: a, rights: [read]}"), 4, 62, "doesn't belong to a grant of endpoint" },
	{ G("{endpoint: a}, {endpoint: a}"), 4, 74, "there is an endpoint `a` already" },
	{ G("{spawn: w}"), 4, 48, "a grant of spawn lacks the key `procs`" },
	{ G("{spawn: w, procs: 2}"), 4, 48, "lacks the key `memory`" },
	{ G("{spawn: W, procs: 2, memory: 1MiB}"), 4, 56, "a name is" },
	{ G("{spawn: w, procs: 0, memory: 1MiB}"), 4, 66, "out of range" },
	{ G("{spawn: w, procs: 65, memory: 1MiB}"), 4, 66, "65 procs are more than the realm's limit, 64" },
	{ G("{spawn: w, procs: 2, memory: 2GiB}"), 4, 77, "more than the realm's limit" },
	{ G("{spawn: w, procs: 2, memory: 1MiB, classes: [lc]}"), 4, 48, "lacks the key `cores`" },
	{ G("{spawn: w, procs: 2, memory: 1MiB, classes: lc}"), 4, 92, "wants a list" },
	{ G("{spawn: w, procs: 2, memory: 1MiB}, {spawn: w, procs: 2, memory: 1MiB}"), 4, 92, "there is a spawn `w` already" },
	{ "realm: r\n" I "mounts: [{at: /in, host: h, rights: [read]}]\nprocs:\n  - name: p\n    image: a\n    grants:\n      - path: /in/deep/down\n        rights: [read, write]\n", 9, 17, "the mount at /in on line 3 gives read only: leave out write" },
};
/* clang-format on */

static int load(const char *yaml, struct manifest_error *e)
{
	return fixture_realm(yaml, NULL, e);
}

START_TEST(wrong_realm_is_refused_at_its_place)
{
	fixture_wrong(&rows[_i], load);
}
END_TEST

/* The control: with nothing wrong, the pieces of the rows are accepted. */
START_TEST(right_realm_is_accepted)
{
	static const char *const right[] = {
		"realm: r\n" I P,
		"---\nrealm: r\n" I P "...\n",
		"realm: 3\n" I P,
		"\xef\xbb\xbfrealm: r\n" I P,
		"realm: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n" I P,
		L("procs: 8192, memory: 1024GiB, cores: 1024"),
		L("cores: 0.001"),
		M("  - {at: /in, host: h, rights: [read, write, create, remove]}\n"
		  "  - {at: /inn, host: h, rights: [create]}\n"),
		G(""),
		G("{path: /x/y, as: /z, rights: [read, write, create, remove, "
		  "watch, mount, exec, grant]}"),
		G("{path: /x, rights: [read]}, {path: /x, as: /y, rights: [write]}, {image: a}"),
		G("{spawn: w, procs: 64, memory: 1GiB, cores: 1, classes: [be, lc]}"),
		G("{spawn: a, procs: 1, memory: 1MiB}, {image: a}, {service: kv, rights: [read]}"),
	};
	struct manifest_error e;

	ck_assert_msg(fixture_realm(right[_i], NULL, &e) == 0, "%u:%u: %s\n%s", e.line, e.column,
	    e.text, right[_i]);
}
END_TEST

#define GRANT "        - {path: /x%u, rights: [read]}\n"

/* 60 grants fit, 61 don't: a proc's capabilities are a fixed table. */
START_TEST(too_many_grants_are_refused)
{
	char yaml[8192];
	struct manifest_error e;
	size_t n;
	unsigned i;

	n = (size_t)snprintf(yaml, sizeof(yaml),
	    "realm: r\n%sprocs:\n  - name: p\n    image: a\n"
	    "    grants:\n",
	    I);
	for (i = 0; i < 60; i++)
		n += (size_t)snprintf(yaml + n, sizeof(yaml) - n, GRANT, i);
	ck_assert_msg(fixture_realm(yaml, NULL, &e) == 0, "%s", e.text);
	snprintf(yaml + n, sizeof(yaml) - n, GRANT, i);
	ck_assert_int_eq(fixture_realm(yaml, NULL, &e), -1);
	ck_assert_uint_eq(e.line, 67);
	ck_assert_ptr_nonnull(strstr(e.text, "at most 60"));
}
END_TEST

/* What the start record can't carry is refused here, not when the proc is spawned. */
START_TEST(too_long_start_record_is_refused)
{
	static const size_t fits = 4096 - 8 - 1;
	char *yaml = fixture_alloc(8192), *arg = fixture_alloc(8192);
	struct manifest_error e;
	size_t more;

	for (more = 0; more < 2; more++) {
		memset(arg, 'x', fits + more);
		arg[fits + more] = '\0';
		snprintf(yaml, 8192, "realm: r\n" I "procs: [{name: p, image: a, args: [%s]}]\n",
		    arg);
		ck_assert_int_eq(fixture_realm(yaml, NULL, &e), more == 0 ? 0 : -1);
	}
	ck_assert_uint_eq(e.line, 3);
	ck_assert_ptr_nonnull(strstr(e.text, "4097 bytes: at most 4096"));
	free(yaml);
	free(arg);
}
END_TEST

Suite *suite_wrong(void)
{
	Suite *s = suite_create("realm manifests");
	TCase *t = tcase_create("wrong");

	tcase_add_unchecked_fixture(t, fixture_begin, fixture_end);
	tcase_add_loop_test(t, wrong_realm_is_refused_at_its_place, 0,
	    (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_loop_test(t, right_realm_is_accepted, 0, 13);
	tcase_add_test(t, too_many_grants_are_refused);
	tcase_add_test(t, too_long_start_record_is_refused);
	suite_add_tcase(s, t);
	return s;
}
