/* SPDX-License-Identifier: MIT */
/*
 * Frames at root's socket as a hostile operator would send them: random bytes,
 * good messages with bytes changed, hellos that never come. Every whole frame
 * gets a reply; in the end root still answers a ping. usage: op-frames SOCKET
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <writ/op.pb-c.h>

#define ROUNDS 400
#define FRAME  4096

/* Connect and leave at once, or after some bytes that are no hello. */
static int knock(const char *path, const void *bytes, size_t len)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = 0;

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		r = -1;
	if (r == 0 && len > 0 && send(fd, bytes, len, MSG_NOSIGNAL) < 0)
		r = -1;
	close(fd);
	return r;
}

/* A realm with a bit of everything, as raw material. */
static size_t good_request(uint8_t *buf)
{
	Writ__Op__Req q = WRIT__OP__REQ__INIT;
	Writ__Manifest__Realm r = WRIT__MANIFEST__REALM__INIT;
	Writ__Manifest__Proc p = WRIT__MANIFEST__PROC__INIT, *ps[] = { &p, &p };
	Writ__Manifest__Grant g = WRIT__MANIFEST__GRANT__INIT, *gs[] = { &g, &g };
	Writ__Manifest__Image i = WRIT__MANIFEST__IMAGE__INIT, *is[] = { &i };
	Writ__Manifest__Mount m = WRIT__MANIFEST__MOUNT__INIT, *ms[] = { &m };
	uint8_t hash[32] = { 1 };
	char arg[] = "arg", *args[] = { arg };

	i.name = "img", i.size = 100, i.sha256.data = hash, i.sha256.len = 32;
	g.name = "/a/b", g.as = "/c", g.rights = 1,
	g.kind = (Writ__Manifest__Grant__Kind)(1 + rand() % 7);
	p.name = "p", p.image = "img", p.grants = gs, p.n_grants = 2, p.args = args, p.n_args = 1;
	m.at = "/in", m.host = "texts", m.rights = 1;
	r.name = "fuzz", r.file = "f.yaml", r.procs = ps, r.n_procs = 1 + (size_t)(rand() % 2);
	r.images = is, r.n_images = 1, r.mounts = ms, r.n_mounts = 1;
	q.op = (Writ__Op__Op)(rand() % 16);
	if (q.op == WRIT__OP__OP__OP_DOWN)
		q.op = WRIT__OP__OP__OP_RUN;
	q.realm = &r, q.image = &i, q.name = "fuzz", q.offset = (uint64_t)rand();
	q.data.data = hash, q.data.len = sizeof(hash);
	return writ__op__req__pack(&q, buf);
}

/* Is @buf a request that would end the node? That is not what is tested. */
static int is_down(const uint8_t *buf, size_t len)
{
	Writ__Op__Req *q = writ__op__req__unpack(NULL, len, buf);
	int down = q != NULL && q->op == WRIT__OP__OP__OP_DOWN;

	if (q != NULL)
		writ__op__req__free_unpacked(q, NULL);
	return down;
}

static size_t frame(uint8_t *buf, unsigned round)
{
	size_t n;

	if (round % 4 == 0) {
		n = (size_t)(rand() % FRAME);
		for (size_t i = 0; i < n; i++)
			buf[i] = (uint8_t)rand();
		return n;
	}
	n = good_request(buf);
	for (unsigned i = 0; i < round % 4 - 1 && n > 0; i++)
		buf[(size_t)rand() % n] = (uint8_t)rand();
	return round % 16 == 15 ? n / 2 : n;
}

/* Send @buf, take the reply: 0 when it is one. */
static int exchange(nng_socket s, const uint8_t *buf, size_t len, uint32_t *ret_status)
{
	Writ__Op__Rep *rep;
	void *data;
	size_t n;

	if (nng_send(s, (void *)(uintptr_t)buf, len, 0) != 0 ||
	    nng_recv(s, &data, &n, NNG_FLAG_ALLOC) != 0)
		return -1;
	rep = writ__op__rep__unpack(NULL, n, data);
	nng_free(data, n);
	if (rep == NULL)
		return -1;
	*ret_status = rep->status;
	writ__op__rep__free_unpacked(rep, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	const char *seed_text = getenv("WRIT_SEED");
	unsigned seed = seed_text != NULL ? (unsigned)atoi(seed_text) : (unsigned)time(NULL);
	static const uint8_t ping[] = { 0x08, 0x01 };
	uint8_t buf[FRAME + 1024];
	uint32_t status = 99;
	char url[128];
	nng_socket s;

	if (argc != 2)
		return 64;
	printf("# WRIT_SEED=%u\n", seed);
	srand(seed);
	snprintf(url, sizeof(url), "ipc://%s", argv[1]);
	for (unsigned i = 0; i < 50; i++) {
		memset(buf, rand(), 64);
		if (knock(argv[1], buf, i % 2 * 40) < 0)
			return 1;
	}
	if (nng_req0_open(&s) != 0 || nng_socket_set_ms(s, NNG_OPT_RECVTIMEO, 5000) != 0 ||
	    nng_socket_set_ms(s, NNG_OPT_SENDTIMEO, 5000) != 0 || nng_dial(s, url, NULL, 0) != 0)
		return 2;
	for (unsigned i = 0; i < ROUNDS; i++) {
		size_t n = frame(buf, i);

		if (!is_down(buf, n) && exchange(s, buf, n, &status) < 0) {
			printf("# no reply to frame %u\n", i);
			return 3;
		}
	}
	if (exchange(s, ping, sizeof(ping), &status) < 0 || status != 0)
		return 4;
	nng_close(s);
	return 0;
}
