/* SPDX-License-Identifier: MIT */
/*
 * A fuzzer's test without libFuzzer: each file of tests/fuzz/corpus/NAME, where
 * the program is NAME-replay, then random bytes. Prints TAP. An input that fails
 * ends the program, and is left beside it as NAME-replay.input.
 *
 * usage: NAME-replay [FILE]...
 * WRIT_SEED chooses the random bytes, WRIT_STEPS how many steps they make.
 */
#include "tests/fuzz/replay.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { INPUT_MAX = 1 << 20, RANDOM_INPUT = 4000 };

static struct {
	char path[512]; /* where it goes when it fails */
	size_t n;
	uint8_t data[INPUT_MAX];
} input;

static unsigned cases;

static void failed(int sig)
{
	static const char said[] = "# the input is left beside the program\n";
	int fd = open(input.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	signal(sig, SIG_DFL);
	if (fd >= 0 && write(fd, input.data, input.n) == (ssize_t)input.n &&
	    write(2, said, sizeof(said) - 1) > 0)
		close(fd);
	raise(sig);
}

static void run(void)
{
	fflush(stdout);
	LLVMFuzzerTestOneInput(input.data, input.n);
}

static int run_file(const char *path)
{
	FILE *f = fopen(path, "rb");

	if (f == NULL) {
		perror(path);
		return 1;
	}
	input.n = fread(input.data, 1, sizeof(input.data), f);
	fclose(f);
	run();
	printf("ok %u - %s\n", ++cases, path);
	return 0;
}

static int run_folder(const char *name)
{
	char path[512];
	const struct dirent *e;
	DIR *d;
	int rc = 0;

	const char *end = strrchr(name, '-');

	snprintf(path, sizeof(path), "tests/fuzz/corpus/%.*s", end != NULL ? (int)(end - name) : 0,
	    name);
	d = opendir(path);
	if (d == NULL) {
		perror(path);
		return 1;
	}
	while (rc == 0 && (e = readdir(d)) != NULL) {
		char file[1024];

		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		if (e->d_name[0] != '.')
			rc = run_file(file);
	}
	closedir(d);
	return rc;
}

static unsigned long env_number(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoul(text, NULL, 10) : otherwise;
}

static void run_random(void)
{
	unsigned long seed = env_number("WRIT_SEED", (unsigned long)time(NULL));
	unsigned long steps = replay_steps + env_number("WRIT_STEPS", replay_enough);
	uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) | 1; /* xorshift64* */

	printf("# WRIT_SEED=%lu\n", seed);
	while (replay_steps < steps) {
		input.n = RANDOM_INPUT;
		for (size_t i = 0; i < input.n; i++) {
			x ^= x >> 12;
			x ^= x << 25;
			x ^= x >> 27;
			input.data[i] = (uint8_t)((x * UINT64_C(0x2545f4914f6cdd1d)) >> 56);
		}
		run();
	}
	printf("ok %u - random steps\n", ++cases);
}

int main(int argc, char **argv)
{
	static const int signals[] = { SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE };
	const char *name = strrchr(argv[0], '/') != NULL ? strrchr(argv[0], '/') + 1 : argv[0];
	int rc = 0;

	setenv("WRIT_EVERY", "1", 0);
	snprintf(input.path, sizeof(input.path), "%s.input", argv[0]);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], failed);
	for (int i = 1; i < argc && rc == 0; i++)
		rc = run_file(argv[i]);
	if (argc > 1)
		return rc;
	rc = run_folder(name);
	if (rc == 0)
		run_random();
	printf("1..%u\n", cases);
	return rc;
}
