/* SPDX-License-Identifier: MIT */
/* Fuzzes the reading of saved audit trails and of heads. What is taken for a record is one. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "tools/writ/record.h"
#include "tools/writ/trail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int fd = -1;

static void there_and_back(const uint8_t *data, size_t size)
{
	json_t *o = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL), *made;
	struct writ_audit_rec r, again;

	if (json_is_object(o) && record_parse(o, &r)) {
		made = record_json(&r, NULL);
		if (made == NULL || !record_parse(made, &again) ||
		    memcmp(&r, &again, sizeof(r)) != 0)
			abort();
		json_decref(made);
	}
	json_decref(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trail t = { 0 };
	struct cli c = { 0 };
	char path[64];

	there_and_back(data, size);
	if (fd < 0)
		fd = memfd_create("trail", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (trail_expect(&c, &t, path) == 0)
		trail_missing(&t);
	trail_free(&t);
	trail_file(&c, &t, path);
	trail_free(&t);
	return 0;
}
