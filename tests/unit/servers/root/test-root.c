/* SPDX-License-Identifier: MIT */
/* root's pure parts: manifests checked again, paths resolved, refusals explained. */
#include "servers/root/check.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Writ__Manifest__Mount mount = WRIT__MANIFEST__MOUNT__INIT,
			     inner = WRIT__MANIFEST__MOUNT__INIT;
static Writ__Manifest__Image image = WRIT__MANIFEST__IMAGE__INIT;
static Writ__Manifest__Limits limits = WRIT__MANIFEST__LIMITS__INIT;
static Writ__Manifest__Grant g_in, g_out, g_spawn, g_image;
static Writ__Manifest__Proc proc, other;
static Writ__Manifest__Realm realm;
static Writ__Manifest__Mount *mounts[2] = { &mount, &inner };
static Writ__Manifest__Image *images[1] = { &image };
static Writ__Manifest__Grant *grants[4] = { &g_in, &g_out, &g_spawn, &g_image };
static Writ__Manifest__Proc *procs[2] = { &proc, &other };
static uint8_t hash[32];
static struct check_node node;
static char why[512];

/* A manifest in which everything is right. */
static void setup(void)
{
	node = (struct check_node){ .file = "node.yaml",
		.named = "named",
		.nhosts = 2,
		.hosts = { { "texts", WRIT_R_READ, 7 },
		    { "work", WRIT_R_READ | WRIT_R_WRITE | WRIT_R_CREATE, 8 } } };
	mount = (Writ__Manifest__Mount)WRIT__MANIFEST__MOUNT__INIT;
	mount.at = "/in", mount.host = "texts", mount.rights = WRIT_R_READ, mount.line = 4;
	inner = (Writ__Manifest__Mount)WRIT__MANIFEST__MOUNT__INIT;
	inner.at = "/in/desk", inner.host = "work", inner.rights = WRIT_R_READ | WRIT_R_CREATE,
	inner.line = 5;
	image = (Writ__Manifest__Image)WRIT__MANIFEST__IMAGE__INIT;
	image.name = "prog", image.size = 10, image.line = 6;
	image.sha256 = (ProtobufCBinaryData){ sizeof(hash), hash };
	g_in = g_out = g_spawn = g_image = (Writ__Manifest__Grant)WRIT__MANIFEST__GRANT__INIT;
	g_in.kind = WRIT__MANIFEST__GRANT__KIND__KIND_PATH;
	g_in.name = "/in", g_in.rights = WRIT_R_READ, g_in.line = 11;
	g_out.kind = WRIT__MANIFEST__GRANT__KIND__KIND_PATH;
	g_out.name = "/out", g_out.as = "/o", g_out.rights = WRIT_R_READ | WRIT_R_CREATE,
	g_out.line = 12;
	g_spawn.kind = WRIT__MANIFEST__GRANT__KIND__KIND_SPAWN;
	g_spawn.name = "workers", g_spawn.line = 13;
	g_image.kind = WRIT__MANIFEST__GRANT__KIND__KIND_IMAGE;
	g_image.name = "prog", g_image.line = 14;
	limits = (Writ__Manifest__Limits)WRIT__MANIFEST__LIMITS__INIT;
	proc = other = (Writ__Manifest__Proc)WRIT__MANIFEST__PROC__INIT;
	proc.name = "coord", proc.image = "prog", proc.line = 9, proc.limits = &limits;
	proc.grants = grants, proc.n_grants = 4;
	other.name = "server", other.image = "prog", other.provides = "kv", other.line = 20;
	realm = (Writ__Manifest__Realm)WRIT__MANIFEST__REALM__INIT;
	realm.name = "demo", realm.file = "demo.yaml";
	realm.mounts = mounts, realm.n_mounts = 2;
	realm.images = images, realm.n_images = 1;
	realm.procs = procs, realm.n_procs = 2;
	memset(why, 0, sizeof(why));
}

static void ok(void)
{
	ck_assert_msg(check_realm(&realm, &node, why, sizeof(why)) == 0, "%s", why);
}

/* Refused, and the sentence begins with @where and contains @text. */
static void refused(const char *where, const char *text)
{
	ck_assert_int_eq(check_realm(&realm, &node, why, sizeof(why)), -WRIT_E_INVALID_ARGUMENT);
	ck_assert_msg(strncmp(why, where, strlen(where)) == 0, "%s", why);
	ck_assert_msg(strstr(why, text) != NULL, "%s", why);
	setup();
	ok();
}

START_TEST(names_and_paths)
{
	static const char *const good[] = { "a", "a-b.c_d", "A9",
		"0123456789012345678901234567890" };
	static const char *const bad[] = { "", "-a", ".a", "a b", "a/b", "a\n",
		"01234567890123456789012345678901" };
	static const char *const good_paths[] = { "/", "/a", "/a/b", "/.a/..b", "/a b" };
	static const char *const bad_paths[] = { "", "a", "//", "/a/", "/a//b", "/.", "/a/..",
		"/../a", "/a\n" };
	char longest[WRIT_PREFIX_MAX + 1];

	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(check_name(good[i]), "%s", good[i]);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!check_name(bad[i]), "%s", bad[i]);
	for (unsigned i = 0; i < sizeof(good_paths) / sizeof(good_paths[0]); i++)
		ck_assert_msg(check_path(good_paths[i]), "%s", good_paths[i]);
	for (unsigned i = 0; i < sizeof(bad_paths) / sizeof(bad_paths[0]); i++)
		ck_assert_msg(!check_path(bad_paths[i]), "%s", bad_paths[i]);
	memset(longest, 'a', sizeof(longest));
	longest[0] = '/';
	longest[WRIT_PREFIX_MAX] = '\0';
	ck_assert(!check_path(longest));
	longest[WRIT_PREFIX_MAX - 1] = '\0';
	ck_assert(check_path(longest));
}
END_TEST

START_TEST(a_right_manifest_passes)
{
	ok();
}
END_TEST

START_TEST(the_realm_and_its_counts)
{
	realm.name = "../x";
	refused("demo.yaml:1: ", "name");
	realm.n_procs = 0;
	refused("demo.yaml:1: ", "no proc");
	limits.memory = UINT64_MAX;
	refused("demo.yaml:9: ", "limit");
	limits.slots = 8192;
	refused("demo.yaml:9: ", "slots");
	realm.file = "a\nb";
	realm.name = "";
	refused("manifest:1: ", "name");
}
END_TEST

START_TEST(its_server_s_name_is_no_longer_than_a_name)
{
	realm.name = "a-name-of-twenty-six-bytes";
	refused("demo.yaml:1: ", "named-a-name-of-twenty-six-bytes would");
	realm.name = "name-of-twenty-five-bytes";
	ok();
	realm.name = "a-name-of-twenty-six-bytes";
	node.named = NULL;
	refused("demo.yaml:12: ", "no tree of their own");
}
END_TEST

START_TEST(what_the_host_lacks_can_be_required)
{
	static char *layers[] = { "namespaces", "seccomp", "rlimits", "cgroup", "landlock" };
	static char *odd[] = { "firewall" }, *ebpf[] = { "ebpf_unix" };

	realm.require = layers, realm.n_require = 5;
	node.missing = "";
	ok();
	node.missing = "memory landlock";
	refused("demo.yaml:1: ", "requires layer cgroup, but this host has no memory");
	realm.require = layers + 4, realm.n_require = 1;
	node.missing = "landlock";
	refused("demo.yaml:1: ", "requires layer landlock");
	realm.require = ebpf, realm.n_require = 1, realm.require_line = 2;
	node.missing = "landlock ebpf_unix telemetry";
	refused("demo.yaml:2: ", "requires layer ebpf_unix, which is not active");
	realm.require = ebpf, realm.n_require = 1;
	node.missing = "landlock ebpf_uni ebpf_unix2 xebpf_unix ebpf_sockets";
	ok();
	realm.require = layers, realm.n_require = 4;
	node.missing = "landlock";
	ok();
	realm.require = odd, realm.n_require = 1;
	refused("demo.yaml:1: ", "not known");
}
END_TEST

START_TEST(each_layer_of_the_list_can_be_required)
{
	char *layer[1];

	for (unsigned i = 0; i < WRIT_LAYER_N; i++) {
		layer[0] = (char *)(uintptr_t)writ_layer_name(i);
		realm.require = layer, realm.n_require = 1;
		node.missing = NULL;
		ok();
		node.missing = "";
		ok();
		node.missing = i == WRIT_LAYER_CGROUP ? "pids" : layer[0];
		refused("demo.yaml:1: ", "requires layer");
		ck_assert_uint_eq(layer_of(layer[0]), i);
		ck_assert_uint_eq(layers_had(i == WRIT_LAYER_CGROUP ? "pids" : layer[0]),
		    ((1u << WRIT_LAYER_N) - 1) & ~(1u << i));
	}
	ck_assert_uint_eq(layer_of("ebpf"), WRIT_LAYER_N);
}
END_TEST

START_TEST(the_operator_changes_what_is_active)
{
	static char *layers[] = { "seccomp", "ebpf_lsm" };
	char missing[CHECK_MISSING_MAX] = "pids ebpf_lsm telemetry";

	realm.require = layers, realm.n_require = 2;
	ck_assert_uint_eq(layers_wanted(&realm),
	    1u << WRIT_LAYER_SECCOMP | 1u << WRIT_LAYER_EBPF_LSM);
	ck_assert_str_eq(layers_required(&realm, missing), "ebpf_lsm");
	layers_set(missing, GUARD_LAYERS, GUARD_LAYERS);
	ck_assert_str_eq(missing, "pids telemetry");
	ck_assert_ptr_null(layers_required(&realm, missing));
	layers_set(missing, GUARD_LAYERS, 1u << WRIT_LAYER_EBPF_LSM);
	ck_assert_str_eq(missing, "pids telemetry ebpf_calls ebpf_sockets ebpf_unix");
	layers_set(missing, GUARD_LAYERS, 0);
	ck_assert_str_eq(missing, "pids telemetry ebpf_calls ebpf_sockets ebpf_unix ebpf_lsm");
	ck_assert_uint_eq(layers_had(missing) & GUARD_LAYERS, 0);
	layers_set(missing, (1u << WRIT_LAYER_N) - 1, 0);
	layers_set(missing, GUARD_LAYERS, GUARD_LAYERS);
	ck_assert_msg(strlen(missing) < sizeof(missing) - 1, "%s", missing);
}
END_TEST

START_TEST(mounts_are_checked)
{
	mount.host = "nothing";
	refused("demo.yaml:4: ", "lends no host folder nothing");
	mount.rights = WRIT_R_READ | WRIT_R_WRITE;
	refused("demo.yaml:4: ", "without write");
	mount.rights = 0;
	refused("demo.yaml:4: ", "texts");
	mount.at = "in";
	refused("demo.yaml:4: ", "path");
	inner.at = "/in";
	refused("demo.yaml:5: ", "already");
}
END_TEST

START_TEST(images_and_procs)
{
	image.sha256.len = 31;
	refused("demo.yaml:6: ", "hash");
	image.name = "a/b";
	refused("demo.yaml:6: ", "name");
	proc.image = "nothing";
	refused("demo.yaml:9: ", "image");
	proc.class_ = WRIT_CLASS_N;
	refused("demo.yaml:9: ", "class");
	other.name = "coord";
	refused("demo.yaml:20: ", "line 9");
	proc.provides = "kv";
	refused("demo.yaml:20: ", "twice");
}
END_TEST

START_TEST(grants_are_checked)
{
	g_in.name = "/in/../etc";
	refused("demo.yaml:11: ", "/a/b");
	g_in.rights = 0;
	refused("demo.yaml:11: ", "without any right");
	g_in.rights = WRIT_R_READ | 0x100;
	refused("demo.yaml:11: ", "paths have not");
	g_in.rights = WRIT_R_READ | WRIT_R_WRITE;
	refused("demo.yaml:11: ", "without write (line 4)");
	g_in.name = "/o";
	refused("demo.yaml:12: ", "twice (line 11)");
	g_spawn.profiles = 1u << WRIT_PROFILE_SERVER;
	refused("demo.yaml:13: ", "profile");
	g_spawn.classes = 1u << WRIT_CLASS_N;
	refused("demo.yaml:13: ", "class");
	g_image.name = "nothing";
	refused("demo.yaml:14: ", "image");
	g_image.kind = WRIT__MANIFEST__GRANT__KIND__KIND_SERVICE;
	refused("demo.yaml:14: ", "service");
	for (int kind = -1; kind < 10; kind++) {
		if ((kind >= (int)WRIT__MANIFEST__GRANT__KIND__KIND_PATH &&
			kind <= (int)WRIT__MANIFEST__GRANT__KIND__KIND_SERVICE) ||
		    kind == (int)WRIT__MANIFEST__GRANT__KIND__KIND_ENDPOINT)
			continue;
		g_image.kind = (Writ__Manifest__Grant__Kind)kind;
		refused("demo.yaml:14: ", "can't be granted");
	}
	g_image.kind = WRIT__MANIFEST__GRANT__KIND__KIND_ENDPOINT;
	g_image.name = "a/b";
	refused("demo.yaml:14: ", "endpoint's name");
	g_image.kind = WRIT__MANIFEST__GRANT__KIND__KIND_ENDPOINT;
	g_image.name = proc.provides = "own";
	refused("demo.yaml:14: ", "provides");
	g_image.kind = WRIT__MANIFEST__GRANT__KIND__KIND_ENDPOINT;
	g_image.name = "own";
	ok();
	node.named = NULL;
	refused("demo.yaml:12: ", "no tree of their own");
}
END_TEST

START_TEST(a_node_s_servers)
{
	Writ__Manifest__Server a = WRIT__MANIFEST__SERVER__INIT, b = WRIT__MANIFEST__SERVER__INIT;
	Writ__Manifest__Server *servers[] = { &a, &b };
	Writ__Manifest__Grant g = WRIT__MANIFEST__GRANT__INIT, *gs[] = { &g };
	Writ__Manifest__Node n = WRIT__MANIFEST__NODE__INIT;

	n.file = "node.yaml", n.servers = servers, n.n_servers = 2;
	a.name = a.image = "ux", a.per = WRIT__MANIFEST__SERVER__PER__PER_HOST, a.serves = 1,
	a.line = 3;
	b.name = b.image = "schedd", b.line = 5;
	g.kind = WRIT__MANIFEST__GRANT__KIND__KIND_HOST, g.line = 6;
	a.grants = gs, a.n_grants = 1;
	ck_assert_msg(check_servers(&n, why, sizeof(why)) == 0, "%s", why);
	b.grants = gs, b.n_grants = 1;
	ck_assert_int_lt(check_servers(&n, why, sizeof(why)), 0);
	ck_assert_ptr_nonnull(strstr(why, "node.yaml:6: "));
	g.kind = WRIT__MANIFEST__GRANT__KIND__KIND_PATH;
	ck_assert_int_lt(check_servers(&n, why, sizeof(why)), 0);
	b.n_grants = a.n_grants = 0;
	b.per = a.per, b.serves = 1;
	ck_assert_int_lt(check_servers(&n, why, sizeof(why)), 0);
	ck_assert_ptr_nonnull(strstr(why, "node.yaml:5: "));
	b.serves = 0;
	b.profile = WRIT_PROFILE_N;
	ck_assert_int_lt(check_servers(&n, why, sizeof(why)), 0);
}
END_TEST

START_TEST(the_longest_mount_covers)
{
	const char *rest = NULL;

	ck_assert_ptr_eq(resolve_mount(&realm, "/in", &rest), &mount);
	ck_assert_str_eq(rest, "");
	ck_assert_ptr_eq(resolve_mount(&realm, "/in/a/b", &rest), &mount);
	ck_assert_str_eq(rest, "/a/b");
	ck_assert_ptr_eq(resolve_mount(&realm, "/in/desk/x", &rest), &inner);
	ck_assert_str_eq(rest, "/x");
	ck_assert_ptr_eq(resolve_mount(&realm, "/in/desks", &rest), &mount);
	ck_assert_str_eq(rest, "/desks");
	ck_assert_ptr_null(resolve_mount(&realm, "/inn", &rest));
	ck_assert_ptr_null(resolve_mount(&realm, "/", &rest));
	mount.at = "/";
	ck_assert_ptr_eq(resolve_mount(&realm, "/x", &rest), &mount);
	ck_assert_str_eq(rest, "/x");
	ck_assert_ptr_eq(resolve_mount(&realm, "/", &rest), &mount);
	ck_assert_str_eq(rest, "");
}
END_TEST

/* --- refusals ----------------------------------------------------------------- */

static struct writ_audit_rec rec;
static struct explain ex;
static char fix[512];

static const char *explained(const char *what, int status, uint32_t missing)
{
	rec = (struct writ_audit_rec){ .kind = WRIT_AUDIT_NOTED,
		.op = WRIT_OP_NOTE,
		.status = status,
		.missing = missing,
		.pid = 5,
		.name = "mapper" };
	snprintf(rec.what, sizeof(rec.what), "%s", what);
	explain_refusal(&ex, &rec, fix, sizeof(fix));
	return fix;
}

static void setup_explain(void)
{
	setup();
	ex = (struct explain){ .node = &node, .realm = &realm, .proc = &proc };
}

START_TEST(no_path_is_explained_by_the_line_to_add)
{
	ck_assert_str_eq(explained("/data/x", WRIT_E_NO_PATH, WRIT_R_READ | WRIT_R_CREATE),
	    "add `- {path: /data/x, rights: [read, create]}` "
	    "to the grants of coord at demo.yaml:9");
	ck_assert_str_eq(explained("/data/x", WRIT_E_NO_PATH, 0),
	    "add `- {path: /data/x, rights: [read]}` to the grants of coord at demo.yaml:9");
}
END_TEST

START_TEST(a_missing_right_goes_to_the_grant_that_covers)
{
	ck_assert_str_eq(explained("/o/x", WRIT_E_NO_RIGHT, WRIT_R_REMOVE),
	    "add remove to the rights of /out in the grants of coord at demo.yaml:12");
	ex.reported = true; /* the server says it by its own tree */
	ck_assert_str_eq(explained("/out/x", WRIT_E_NO_RIGHT, WRIT_R_REMOVE),
	    "add remove to the rights of /out in the grants of coord at demo.yaml:12");
	ex.host = "work";
	g_in.name = "/in/desk";
	ck_assert_str_eq(explained("/y", WRIT_E_NO_RIGHT, WRIT_R_CREATE),
	    "add create to the rights of /in/desk in the grants of coord at demo.yaml:11");
}
END_TEST

START_TEST(what_no_grant_can_allow_is_said)
{
	ck_assert_str_eq(explained("/in/x", WRIT_E_NO_RIGHT, WRIT_R_WRITE),
	    "no grant can allow it: demo.yaml:4 mounts host folder texts at /in without write, "
	    "and the node lends it without (node.yaml:7)");
	ck_assert_str_eq(explained("/in/desk/x", WRIT_E_NO_RIGHT, WRIT_R_WRITE),
	    "no grant can allow it: demo.yaml:5 mounts host folder work at /in/desk without write; "
	    "add that to the mount's rights first");
	node.named = NULL;
	ck_assert_ptr_nonnull(
	    strstr(explained("/else", WRIT_E_NO_PATH, WRIT_R_READ), "no tree of their own"));
}
END_TEST

START_TEST(a_child_s_parent_must_give_it)
{
	ex.child = true;
	ck_assert_str_eq(explained("/in/x", WRIT_E_NO_PATH, WRIT_R_READ),
	    "mapper has no entry in the manifest: coord must give it read on /in/x "
	    "when it spawns it; "
	    "coord has that itself (demo.yaml:11)");
	ck_assert_str_eq(explained("/etc/passwd", WRIT_E_NO_PATH, WRIT_R_READ),
	    "mapper has no entry in the manifest: coord must give it read on "
	    "/etc/passwd when it spawns it, "
	    "and has not got that itself: "
	    "add `- {path: /etc/passwd, rights: [read]}` to the grants of coord at demo.yaml:9");
	ex.proc = NULL;
	ck_assert_ptr_nonnull(
	    strstr(explained("/etc/passwd", WRIT_E_NO_PATH, WRIT_R_READ), "parent"));
}
END_TEST

START_TEST(a_service_is_granted_by_its_name)
{
	ck_assert_str_eq(explained("/svc/kv/x", WRIT_E_NO_PATH, WRIT_R_READ),
	    "add `- {service: kv, rights: [read]}` to the grants of mapper at demo.yaml:9");
	ck_assert_str_eq(explained("/svc/no/x", WRIT_E_NO_PATH, WRIT_R_READ),
	    "no proc of this realm provides a service no");
	g_image.kind = WRIT__MANIFEST__GRANT__KIND__KIND_SERVICE;
	g_image.name = "kv", g_image.rights = WRIT_R_READ;
	ex.reported = true;
	ex.service = "kv";
	ck_assert_str_eq(explained("/x", WRIT_E_NO_RIGHT, WRIT_R_WRITE),
	    "add write to the rights of service kv in the grants of mapper at demo.yaml:14");
}
END_TEST

START_TEST(spawning_is_explained)
{
	ck_assert_ptr_nonnull(
	    strstr(explained("spawn", WRIT_E_INVALID_CAPABILITY, WRIT_R_WRITE), "demo.yaml:13"));
	proc.n_grants = 2;
	ck_assert_ptr_nonnull(strstr(explained("spawn", WRIT_E_INVALID_CAPABILITY, WRIT_R_WRITE),
	    "to the grants of coord at demo.yaml:9"));
	proc.n_grants = 4;
	rec.kind = WRIT_AUDIT_REFUSED;
	rec.op = WRIT_OP_SPAWN;
	rec.status = WRIT_E_NOT_ENOUGH_MEMORY;
	explain_refusal(&ex, &rec, fix, sizeof(fix));
	ck_assert_str_eq(fix,
	    "raise the limit of spawn workers at demo.yaml:13, or the realm's own limits");
	ex.child = true;
	explain_refusal(&ex, &rec, fix, sizeof(fix));
	ck_assert_ptr_nonnull(strstr(fix, "coord must give it a Spawn"));
}
END_TEST

START_TEST(hostile_records_and_small_buffers)
{
	char small[8];
	static const char *const what[] = { "", "/", "//", "/..", "/a\n", "x", "/\x7f" };

	for (unsigned i = 0; i < sizeof(what) / sizeof(what[0]); i++)
		for (int err = 0; err < 50; err++) {
			explained(what[i], err, (uint32_t)err * 37);
			ck_assert_uint_lt(strlen(fix), sizeof(fix));
		}
	ck_assert_str_eq(explained("/a\n", WRIT_E_NO_PATH, WRIT_R_READ), "");
	explained("/data/x", WRIT_E_NO_PATH, WRIT_R_READ);
	explain_refusal(&ex, &rec, small, sizeof(small));
	ck_assert_str_eq(small, "add `- ");
	ex.realm = NULL;
	ck_assert_str_eq(explained("/data/x", WRIT_E_NO_PATH, WRIT_R_READ), "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("root");
	TCase *c = tcase_create("check"), *e = tcase_create("explain");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, names_and_paths);
	tcase_add_test(c, a_right_manifest_passes);
	tcase_add_test(c, the_realm_and_its_counts);
	tcase_add_test(c, what_the_host_lacks_can_be_required);
	tcase_add_test(c, its_server_s_name_is_no_longer_than_a_name);
	tcase_add_test(c, each_layer_of_the_list_can_be_required);
	tcase_add_test(c, the_operator_changes_what_is_active);
	tcase_add_test(c, mounts_are_checked);
	tcase_add_test(c, images_and_procs);
	tcase_add_test(c, grants_are_checked);
	tcase_add_test(c, a_node_s_servers);
	tcase_add_test(c, the_longest_mount_covers);
	suite_add_tcase(s, c);
	tcase_add_checked_fixture(e, setup_explain, NULL);
	tcase_add_test(e, no_path_is_explained_by_the_line_to_add);
	tcase_add_test(e, a_missing_right_goes_to_the_grant_that_covers);
	tcase_add_test(e, what_no_grant_can_allow_is_said);
	tcase_add_test(e, a_child_s_parent_must_give_it);
	tcase_add_test(e, a_service_is_granted_by_its_name);
	tcase_add_test(e, spawning_is_explained);
	tcase_add_test(e, hostile_records_and_small_buffers);
	suite_add_tcase(s, e);
	r = srunner_create(s);
	srunner_run_all(r, CK_VERBOSE);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
