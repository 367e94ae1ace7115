/* SPDX-License-Identifier: MIT */
/* Layers in words: see layers.h. */
#include "tools/writ/layers.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/boot/switch.h"
#include "tools/writ/show.h"

#define STARTS "writ-boot: starting node "
#define SAID   "writ-boot: layer " /* NAME can't be had: WHY */

enum { LOG_MAX = 64 * 1024 };

char *layers_text(uint32_t layers, char *buf, size_t size)
{
	uint32_t lacks = LAYERS_ALL & ~layers;
	const char *sep = "no ";
	size_t n = 0;

	snprintf(buf, size, "%s", layers == 0 ? "-" : "all");
	for (unsigned i = 0; layers != 0 && i < WRIT_LAYER_N && n < size; i++) {
		bool ebpf = (lacks & GUARD_LAYERS) == GUARD_LAYERS && (GUARD_LAYERS >> i & 1) != 0;

		if ((lacks >> i & 1) == 0 || (ebpf && i != WRIT_LAYER_EBPF_CALLS))
			continue;
		n += (size_t)snprintf(buf + n, size - n, "%s%s", sep,
		    ebpf ? "ebpf_*" : writ_layer_name(i));
		sep = ",";
	}
	return buf;
}

json_t *layers_json(uint32_t layers)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < WRIT_LAYER_N && a != NULL; i++)
		if ((layers >> i & 1) != 0)
			json_array_append_new(a, json_string(writ_layer_name(i)));
	return a;
}

const char *layers_state(unsigned layer, uint32_t active, uint32_t loaded, enum guard_mode mode)
{
	if ((active >> layer & 1) != 0)
		return "active";
	if ((loaded >> layer & 1) == 0)
		return "missing";
	if (mode == GUARD_ON_DEMAND)
		return "on demand";
	return mode == GUARD_AUDIT ? "audits" : "off";
}

/* "NAME can't be had: WHY" */
static void line_read(const char *line, struct layers_why *ret)
{
	const char *why = strstr(line, ": ");

	for (unsigned i = 0; i < WRIT_LAYER_N && why != NULL; i++) {
		const char *name = writ_layer_name(i);

		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ' ')
			snprintf(ret->text[i], sizeof(ret->text[i]), "%s", why + 2);
	}
}

void layers_read(int log, off_t from, struct layers_why *ret)
{
	off_t end = lseek(log, 0, SEEK_END);
	char *buf = malloc(LOG_MAX + 1), *rest = buf, *line;
	ssize_t n;

	*ret = (struct layers_why){ 0 };
	if (buf == NULL)
		return;
	n = pread(log, buf, LOG_MAX, end - from > LOG_MAX ? end - LOG_MAX : from);
	buf[n > 0 ? n : 0] = '\0';
	while ((line = strsep(&rest, "\n")) != NULL)
		if (strncmp(line, STARTS, strlen(STARTS)) == 0)
			*ret = (struct layers_why){ 0 };
		else if (strncmp(line, SAID, strlen(SAID)) == 0)
			line_read(line + strlen(SAID), ret);
	free(buf);
}

void layers_print(FILE *f, const struct layers_why *why)
{
	for (unsigned i = 0; i < WRIT_LAYER_N; i++) {
		if (why->text[i][0] == '\0')
			continue;
		fprintf(f, "without layer %s: ", writ_layer_name(i));
		show_safe_put(f, why->text[i]);
		fputc('\n', f);
	}
}
