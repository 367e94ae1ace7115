/* SPDX-License-Identifier: MIT */
/* Nodes' manifests, wrong and right; and realms' held against a node's. */
#include <string.h>
#include "tests/unit/manifest/fixture.h"

#define S "servers: [{name: s, image: s, grants: [{scheduler: true}]}]\n"
#define H(h) \
	"node: n\nhosts:\n  - {" h "}\nservers:\n" \
	"  - {name: s, image: s, grants: [{scheduler: true}]}\n" \
	"  - {name: u, image: u, per: host, serves: true, grants: [{host: true}]}\n"
#define V(v) \
	"node: n\nservers:\n  - {" v "}\n  - {name: s, image: s, grants: [{scheduler: true}]}\n"

/* clang-format off */
static const struct wrong rows[] = {
	{ "realm: r\n", 1, 1, "this is a realm's manifest, where a node's is wanted" },
	{ "node: n\n", 1, 1, "lacks the key `servers`" },
	{ "node: N\n" S, 1, 7, "a name is" },
	{ "node: n\nguard: audi\n" S, 2, 8, "did you mean `audit`?" },
	{ "node: n\nguard: inherit\n" S, 2, 8, "off, audit, enforce or on-demand" },
	{ "node: n\nguard: [off]\n" S, 2, 8, "wants off, audit, enforce or on-demand" },
	{ "node: n\nserver: []\n", 2, 1, "did you mean `servers`?" },
	{ "node: n\nlimits: {slots: 64}\n" S, 2, 10, "unknown key" },
	{ "node: n\nservers: []\n", 2, 10, "wants at least 1" },
	{ "node: n\nservers: [{name: s, image: s}]\n", 2, 10, "no proc would ever start" },
	{ H("path: /usr, rights: [read]"), 3, 5, "lacks the key `name`" },
	{ H("name: h, rights: [read]"), 3, 5, "lacks the key `path`" },
	{ H("name: h, path: /usr"), 3, 5, "lacks the key `rights`" },
	{ H("name: h, path: usr, rights: [read]"), 3, 21, "is not absolute" },
	{ H("name: h, path: /none/such, rights: [read]"), 3, 21, "No such file" },
	{ H("name: h, path: /dev/null, rights: [read]"), 3, 21, "is not a folder" },
	{ H("name: h, path: /usr, rights: [write]"), 3, 35, "lack read" },
	{ H("name: h, path: /usr, rights: [read, create]"), 3, 35, "lack write" },
	{ H("name: h, path: /usr, rights: [read, watch]"), 3, 42, "is not one of" },
	{ H("name: h, path: /usr, rights: [read]}\n  - {name: h, path: /var, rights: [read]"), 4, 12, "there is a host folder `h` already" },
	{ "node: n\nhosts: [{name: h, path: /usr, rights: [read]}]\n" S, 2, 8, "no server lends them" },
	{ V("image: x"), 3, 5, "lacks the key `name`" },
	{ V("name: x"), 3, 5, "lacks the key `image`" },
	{ V("name: s, image: x"), 4, 12, "there is a server `s` already, on line 3" },
	{ V("name: x, image: X"), 3, 22, "a name is" },
	{ V("name: x, image: x, profile: root"), 3, 34, "native, files or server" },
	{ V("name: x, image: x, per: proc"), 3, 30, "node, realm or host" },
	{ V("name: x, image: x, serves: yes"), 3, 33, "wants true or false" },
	{ V("name: x, image: x, serves: 1"), 3, 33, "wants true or false" },
	{ V("name: x, image: x, per: host"), 3, 30, "needs `serves: true`" },
	{ V("name: x, image: x, limits: {cpu: 1}"), 3, 34, "unknown key" },
	{ V("name: x, image: x, grants: [{path: /}]"), 3, 35, "unknown key; the keys here: scheduler, host, audit" },
	{ V("name: x, image: x, grants: [{}]"), 3, 34, "grants nothing" },
	{ V("name: x, image: x, grants: [{audit: false}]"), 3, 42, "leave this item out" },
	{ V("name: x, image: x, grants: [{host: true, audit: true}]"), 3, 47, "one thing" },
	{ V("name: x, image: x, grants: [{audit: true}, {audit: true}]"), 3, 49, "already, on line 3" },
	{ V("name: x, image: x, grants: [{host: true}]"), 3, 34, "only a server with `per: host`" },
	{ V("name: x, image: x, grants: [{scheduler: true}]"), 4, 34, "the server on line 3 is it" },
	{ V("name: x, image: x, per: realm, serves: true}\n  - {name: y, image: y, per: realm, serves: true"), 4, 45, "serves each realm already" },
};

/* A realm that the node of fixture_good_node can't run. */
#define R(l, m) "realm: r\nlimits: {" l "}\nimages: [{name: a, path: bin/a}]\n" \
	"procs: [{name: p, image: a}]\nmounts:\n  - " m "\n"
#define OK_MOUNT "{at: /in, host: licenses, rights: [read]}"
static const struct wrong realms[] = {
	{ R("procs: 3000", OK_MOUNT), 2, 17, "3000 procs are more than the node's limit, 2000" },
	{ R("memory: 9GiB", OK_MOUNT), 2, 18, "9 GiB is more than the node's limit, 8 GiB" },
	{ R("procs: 9", "{at: /in, host: license, rights: [read]}"), 6, 21, "there is no host folder `license`; did you mean `licenses`?" },
	{ R("procs: 9", "{at: /in, host: other, rights: [read]}"), 6, 21, "there are: licenses, spool" },
	{ R("procs: 9", "{at: /in, host: licenses, rights: [read, write]}"), 6, 39, "the node lends licenses with read only" },
};
/* clang-format on */

static Writ__Manifest__Node *node;

static void begin(void)
{
	struct manifest_error e;

	fixture_begin();
	fixture_write("node.yaml", fixture_good_node, strlen(fixture_good_node), 0644);
	ck_assert_msg(manifest_node_load(fixture_path("node.yaml"), &node, &e) == 0, "%u:%u: %s",
	    e.line, e.column, e.text);
}

static void end(void)
{
	manifest_node_free(node);
	fixture_end();
}

static int load_with_node(const char *yaml, struct manifest_error *e)
{
	return fixture_realm(yaml, node, e);
}

START_TEST(wrong_node_is_refused_at_its_place)
{
	fixture_wrong(&rows[_i], fixture_node);
}
END_TEST

START_TEST(right_node_is_accepted)
{
	static const char *const right[] = {
		"node: n\n" S,
		H("name: h, path: /usr, rights: [read, write, remove]"),
		V("name: x, image: x, profile: server, per: realm, serves: true, "
		  "grants: [{audit: true}]"),
		V("name: x, image: x, per: node, serves: true}\n"
		  "  - {name: y, image: y, per: node, serves: true"),
	};
	struct manifest_error e;

	ck_assert_msg(fixture_node(right[_i], &e) == 0, "%u:%u: %s", e.line, e.column, e.text);
}
END_TEST

START_TEST(realm_beyond_its_node_is_refused)
{
	struct manifest_error e;

	fixture_wrong(&realms[_i], load_with_node);
	ck_assert_msg(fixture_realm(realms[_i].yaml, NULL, &e) == 0, "without a node: %s", e.text);
}
END_TEST

START_TEST(realm_within_its_node_is_accepted)
{
	struct manifest_error e;

	ck_assert_msg(fixture_realm(fixture_good, node, &e) == 0, "%u:%u: %s", e.line, e.column,
	    e.text);
}
END_TEST

START_TEST(default_gives_way_to_the_node)
{
	static const char yaml[] = "realm: r\nimages: [{name: a, path: bin/a}]\n"
				   "procs: [{name: p, image: a}]\n";
	struct manifest_node n = { .node = node };
	Writ__Manifest__Realm *r;
	struct manifest_error e;

	node->limits->procs = 10;
	node->limits->memory = 100 << 20;
	fixture_write("m.yaml", yaml, sizeof(yaml) - 1, 0644);
	ck_assert_msg(manifest_realm_load(fixture_path("m.yaml"), &n, &r, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(r->limits->procs, 10);
	ck_assert_uint_eq(r->limits->memory, 100 << 20);
	manifest_realm_free(r);
}
END_TEST

START_TEST(guard_is_what_was_said)
{
	static const char *const said[][2] = { { "node: n\nguard: off\n" S, "off" },
		{ "node: n\nguard: audit\n" S, "audit" },
		{ "node: n\nguard: enforce\n" S, "enforce" },
		{ "node: n\nguard: on-demand\n" S, "on-demand" }, { "node: n\n" S, "enforce" } };
	struct manifest_error e;
	Writ__Manifest__Node *n;

	for (unsigned i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		fixture_write("m.yaml", said[i][0], strlen(said[i][0]), 0644);
		ck_assert_msg(manifest_node_load(fixture_path("m.yaml"), &n, &e) == 0, "%s",
		    e.text);
		ck_assert_str_eq(n->guard, said[i][1]);
		manifest_node_free(n);
	}
}
END_TEST

START_TEST(node_message_has_every_field)
{
	const Writ__Manifest__Server *u = node->servers[2];

	ck_assert_str_eq(node->name, "default");
	ck_assert_str_eq(node->file, fixture_path("node.yaml"));
	ck_assert_uint_eq(node->limits->procs, 2000);
	ck_assert_uint_eq(node->limits->memory, UINT64_C(8) << 30);
	ck_assert_uint_eq(node->limits->cores, 0);
	ck_assert_uint_eq(node->n_hosts, 2);
	ck_assert_str_eq(node->hosts[1]->name, "spool");
	ck_assert_str_eq(node->hosts[1]->path, "/var");
	ck_assert_uint_eq(node->hosts[1]->rights, 0xf);
	ck_assert_uint_eq(node->hosts[1]->line, 5);
	ck_assert_uint_eq(node->n_servers, 3);
	ck_assert_int_eq(node->servers[0]->grants[0]->kind,
	    WRIT__MANIFEST__GRANT__KIND__KIND_SCHEDULER);
	ck_assert_int_eq(node->servers[0]->per, WRIT__MANIFEST__SERVER__PER__PER_NODE);
	ck_assert_int_eq(node->servers[1]->per, WRIT__MANIFEST__SERVER__PER__PER_REALM);
	ck_assert_uint_eq(node->servers[1]->limits->memory, UINT64_C(16) << 20);
	ck_assert_uint_eq(node->servers[1]->limits->slots, 64);
	ck_assert(node->servers[1]->serves && !node->servers[0]->serves);
	ck_assert_str_eq(u->name, "ux");
	ck_assert_str_eq(u->image, "ux");
	ck_assert_uint_eq(u->n_args, 1);
	ck_assert_str_eq(u->args[0], "-v");
	ck_assert_uint_eq(u->profile, 1);
	ck_assert_int_eq(u->per, WRIT__MANIFEST__SERVER__PER__PER_HOST);
	ck_assert_uint_eq(u->line, 9);
	ck_assert_uint_eq(u->n_grants, 2);
	ck_assert_int_eq(u->grants[0]->kind, WRIT__MANIFEST__GRANT__KIND__KIND_HOST);
	ck_assert_int_eq(u->grants[1]->kind, WRIT__MANIFEST__GRANT__KIND__KIND_AUDIT);
	ck_assert_uint_eq(u->grants[1]->line, 15);
}
END_TEST

Suite *suite_node(void)
{
	Suite *s = suite_create("node manifests");
	TCase *t = tcase_create("node");

	tcase_add_unchecked_fixture(t, begin, end);
	tcase_add_loop_test(t, wrong_node_is_refused_at_its_place, 0,
	    (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_loop_test(t, right_node_is_accepted, 0, 4);
	tcase_add_loop_test(t, realm_beyond_its_node_is_refused, 0,
	    (int)(sizeof(realms) / sizeof(realms[0])));
	tcase_add_test(t, realm_within_its_node_is_accepted);
	tcase_add_test(t, default_gives_way_to_the_node);
	tcase_add_test(t, guard_is_what_was_said);
	tcase_add_test(t, node_message_has_every_field);
	suite_add_tcase(s, t);
	return s;
}
