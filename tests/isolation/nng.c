/* SPDX-License-Identifier: MIT */
/*
 * A server that speaks nng over ipc with itself, for profile server. Exits with
 * 0 when all went well, else with the number of the step that failed.
 */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define URL "ipc://socket" /* in the folder that is its standard output */

static void *serve(void *arg)
{
	nng_socket *rep = arg;
	char buf[64];
	size_t n = sizeof(buf);

	for (int i = 0; i < 10 && nng_recv(*rep, buf, &n, 0) == 0; i++) {
		if (nng_send(*rep, buf, n, 0) != 0)
			break;
		n = sizeof(buf);
	}
	return NULL;
}

int main(void)
{
	nng_socket rep, req;
	nng_listener l;
	pthread_t t;
	char buf[64];

	if (fchdir(STDOUT_FILENO) != 0)
		return 9;
	if (nng_rep0_open(&rep) != 0)
		return 1;
	if (nng_listener_create(&l, rep, URL) != 0)
		return 2;
	if (nng_listener_set_int(l, NNG_OPT_IPC_PERMISSIONS, 0660) != 0)
		return 3;
	if (nng_listener_start(l, 0) != 0)
		return 4;
	if (pthread_create(&t, NULL, serve, &rep) != 0)
		return 5;
	if (nng_req0_open(&req) != 0 || nng_dial(req, URL, NULL, 0) != 0)
		return 6;
	for (int i = 0; i < 10; i++) {
		size_t n = sizeof(buf);

		if (nng_send(req, (char[]){ "hello" }, 6, 0) != 0 ||
		    nng_recv(req, buf, &n, 0) != 0 || n != 6 || memcmp(buf, "hello", 6) != 0)
			return 7;
	}
	if (pthread_join(t, NULL) != 0)
		return 8;
	nng_close(req);
	nng_close(rep);
	return 0;
}
