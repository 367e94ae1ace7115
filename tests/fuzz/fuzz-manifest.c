/* SPDX-License-Identifier: MIT */
/* Fuzzes the reading of manifests: each input as a realm's and as a node's. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "tools/manifest/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int fd = -1;

static void explain(const Writ__Manifest__Realm *r)
{
	FILE *f = fopen("/dev/null", "w");

	if (f == NULL)
		abort();
	manifest_realm_explain(f, r);
	fclose(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manifest_error e;
	Writ__Manifest__Realm *r;
	Writ__Manifest__Node *n;
	char path[64];

	if (fd < 0)
		fd = memfd_create("manifest", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (manifest_realm_load(path, NULL, &r, &e) == 0) {
		explain(r);
		manifest_realm_free(r);
	}
	if (manifest_node_load(path, &n, &e) == 0)
		manifest_node_free(n);
	return 0;
}
