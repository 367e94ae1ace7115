/* SPDX-License-Identifier: MIT */
/* See without.h. Linked with --wrap=nest_main. */
#include "without.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/nest.h"

int (*without_root)(struct sandbox *s);
void (*without_loop)(void);

static int is_left_out(const char *list, const char *step)
{
	size_t len = strlen(step);

	for (const char *p = list; p != NULL && *p != '\0'; p += strcspn(p, " ")) {
		p += strspn(p, " ");
		if (strncmp(p, step, len) == 0 && (p[len] == ' ' || p[len] == '\0'))
			return 1;
	}
	return 0;
}

_Noreturn void __wrap_nest_main(const struct nest_conf *c, int sock);

/* nest_main(), but for the step to leave out. */
void __wrap_nest_main(const struct nest_conf *c, int sock)
{
	struct sandbox s = { .conf = c, .sock = sock, .null = -1 };
	struct nest_event e = { .what = NEST_READY };
	const char *list = without_steps();

	for (unsigned i = 0; i < sandbox_nsteps && e.code == 0; i++) {
		if (is_left_out(list, sandbox_steps[i].name))
			continue;
		if (without_root != NULL && strcmp(sandbox_steps[i].name, "root") == 0)
			e.code = -without_root(&s);
		else
			e.code = -sandbox_steps[i].fn(&s);
		if (e.code != 0)
			strncpy(e.step, sandbox_steps[i].name, sizeof(e.step) - 1);
	}
	if (nest_send(s.sock, &e, -1) < 0 || e.code != 0)
		_exit(EXIT_FAILURE);
	if (without_loop != NULL)
		without_loop();
	nest_loop(c);
}
