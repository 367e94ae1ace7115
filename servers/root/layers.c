/* SPDX-License-Identifier: MIT */
/*
 * Layers of the sandbox that a node runs without, as words: see check.h. The kernel
 * runs without none of the first three, so no word takes those away. Pure.
 */
#include "servers/root/check.h"
#include <stdio.h>
#include <string.h>

static bool has_word(const char *words, const char *word)
{
	size_t n = strlen(word), len;

	for (; *words != '\0'; words += len + (words[len] == ' ')) {
		len = strcspn(words, " ");
		if (len == n && memcmp(words, word, n) == 0)
			return true;
	}
	return false;
}

unsigned layer_of(const char *name)
{
	unsigned i = 0;

	while (i < WRIT_LAYER_N && strcmp(writ_layer_name(i), name) != 0)
		i++;
	return i;
}

unsigned guard_of(const char *name)
{
	unsigned i = 0;

	while (i < GUARD_MODE_N && strcmp(writ_guard_name(i), name) != 0)
		i++;
	return i;
}

const char *layer_lacking(const char *missing, unsigned layer)
{
	static const char *const controllers[] = { "cpu", "memory", "pids" };

	if (missing == NULL)
		return NULL;
	if (layer != WRIT_LAYER_CGROUP)
		return has_word(missing, writ_layer_name(layer)) ? writ_layer_name(layer) : NULL;
	for (size_t i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++)
		if (has_word(missing, controllers[i]))
			return controllers[i];
	return NULL;
}

uint32_t layers_had(const char *missing)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < WRIT_LAYER_N; i++)
		bits |= layer_lacking(missing, i) == NULL ? 1u << i : 0;
	return bits;
}

uint32_t layers_wanted(const Writ__Manifest__Realm *m)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < m->n_require; i++)
		bits |= 1u << layer_of(m->require[i]);
	return bits & ((1u << WRIT_LAYER_N) - 1);
}

const char *layers_required(const Writ__Manifest__Realm *m, const char *missing)
{
	for (size_t i = 0; i < m->n_require; i++) {
		unsigned layer = layer_of(m->require[i]);

		if (layer < WRIT_LAYER_N && layer_lacking(missing, layer) != NULL)
			return writ_layer_name(layer);
	}
	return NULL;
}

void layers_set(char missing[CHECK_MISSING_MAX], uint32_t changed, uint32_t active)
{
	char was[CHECK_MISSING_MAX], *rest = was, *word;
	size_t n = 0;

	memcpy(was, missing, sizeof(was));
	missing[0] = '\0';
	while ((word = strsep(&rest, " ")) != NULL)
		if (*word != '\0' &&
		    (layer_of(word) == WRIT_LAYER_N || (changed >> layer_of(word) & 1) == 0))
			n += (size_t)snprintf(missing + n, CHECK_MISSING_MAX - n, "%s%s",
			    n > 0 ? " " : "", word);
	for (unsigned i = 0; i < WRIT_LAYER_N; i++)
		if ((changed & ~active) >> i & 1)
			n += (size_t)snprintf(missing + n, CHECK_MISSING_MAX - n, "%s%s",
			    n > 0 ? " " : "", writ_layer_name(i));
}
